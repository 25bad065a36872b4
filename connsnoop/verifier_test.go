package connsnoop

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const aVerifierLog = `verification time 24146 usec
stack depth 8+184+40
processed 1258 insns (limit 1000000) max_states_per_insn 2 total_states 84 peak_states 84 mark_read 27
`

func TestParseVerifierLog(t *testing.T) {
	processed, stacks, err := parseVerifierLog(aVerifierLog)
	require.NoError(t, err)
	require.EqualValues(t, 1258, processed)
	require.Equal(t, []uint32{8, 184, 40}, stacks)
	for _, log := range []string{"", "processed 1 insns", "stack depth 8", "stack depth 99999999999\nprocessed 1 insns"} {
		_, _, err := parseVerifierLog(log)
		require.ErrorContains(t, err, "read verifier's statistics", log)
	}
}

func FuzzParseVerifierLog(f *testing.F) {
	f.Add(aVerifierLog)
	f.Add("stack depth 1+\nprocessed 0 insns")
	f.Fuzz(func(t *testing.T, log string) {
		_, stacks, err := parseVerifierLog(log)
		require.Equal(t, err != nil, stacks == nil)
	})
}

func TestDeepestStack(t *testing.T) {
	stacks := map[string]uint32{"main": 0, "a": 33, "b": 64, "c": 1}
	calls := map[string][]string{"main": {"a", "b", "removed"}, "a": {"c"}, "removed": {"b"}}
	require.EqualValues(t, 32+64+32, deepestStack("main", stacks, calls))
	require.EqualValues(t, 64, deepestStack("b", stacks, calls))
	require.Zero(t, deepestStack("removed", stacks, calls))
}

func TestExceeds(t *testing.T) {
	ceiling := VerifierCost{Processed: 100, Stack: 64, Translated: 800, Jited: 600}
	require.NoError(t, ceiling.Exceeds(ceiling))
	require.EqualError(t, VerifierCost{Processed: 101, Stack: 64, Translated: 801}.Exceeds(ceiling),
		"check verifier's figures: 101 processed instructions, ceiling 100; 801 bytes translated, ceiling 800")
}
