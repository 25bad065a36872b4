package vmtest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseMeminfo(t *testing.T) {
	const data = "MemTotal:       16384 kB\nMemAvailable:    1024 kB\nHugePages_Total:       3\nBroken: x kB\n"
	require.EqualValues(t, 16<<20, parseMeminfo([]byte(data), "MemTotal"))
	require.EqualValues(t, 1<<20, parseMeminfo([]byte(data), "MemAvailable"))
	require.Zero(t, parseMeminfo([]byte(data), "Mem"))
	require.Zero(t, parseMeminfo([]byte(data), "Broken"))
}

func TestJobs(t *testing.T) {
	require.Equal(t, 7, (&runner{RunConfig: RunConfig{Jobs: 7}}).jobs(), "asked for")
	require.Equal(t, 1, (&runner{RunConfig: RunConfig{Config: Config{MemoryBytes: 1 << 60}}}).jobs(), "no memory for two")
	require.Positive(t, (&runner{RunConfig: RunConfig{Config: Config{}.withDefaults()}}).jobs())
}
