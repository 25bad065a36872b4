package bench_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/schemas"
)

func series(name string, ms ...int) bench.Series {
	var samples []time.Duration
	for _, n := range ms {
		samples = append(samples, time.Duration(n)*time.Millisecond)
	}
	return bench.NewSeries(name, "6.12", "from here to there", samples)
}

func TestNewSeries(t *testing.T) {
	tests := []struct {
		name              string
		ms                []int
		min, median, most time.Duration
	}{
		{"one", []int{7}, 7, 7, 7},
		{"odd", []int{9, 1, 5}, 1, 5, 9},
		{"even", []int{9, 1, 5, 7}, 1, 6, 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := series("boot", tt.ms...)
			require.Equal(t, []int64{int64(tt.min * 1e6), int64(tt.median * 1e6), int64(tt.most * 1e6)}, []int64{s.MinNS, s.MedianNS, s.MaxNS})
			require.Equal(t, int64(tt.ms[0])*1e6, s.Samples[0], "samples keep their order")
		})
	}
}

func TestCompare(t *testing.T) {
	r, err := bench.Compare(series("warm", 10, 30, 20), series("cold", 100, 100, 100), 0.1)
	require.NoError(t, err)
	require.Equal(t, []float64{0.1, 0.3, 0.2}, r.Pairs)
	require.Equal(t, []float64{0.1, 0.2, 0.3}, []float64{r.Min, r.Median, r.Max})
	for name, other := range map[string]bench.Series{
		"other number": series("cold", 1), "nothing": bench.Skipped("cold", "6.12", "m", "broken"),
		"other variant": bench.NewSeries("cold", "7", "m", []time.Duration{1, 2, 3}),
	} {
		_, err := bench.Compare(series("warm", 10, 30, 20), other, 0)
		require.Error(t, err, name)
	}
}

func report(t *testing.T) bench.Report {
	warm, cold := series("warm", 10, 30), series("cold", 100, 100)
	ratio, err := bench.Compare(warm, cold, 0.1)
	require.NoError(t, err)
	cold.TargetNS, cold.WorkBytes = int64(time.Second), 1<<20
	return bench.Report{
		Schema: bench.Schema, Name: "sample", StartedAt: time.Unix(0, 0).UTC(), DurationNS: 1,
		Machine: bench.Machine{CPUModel: "x", CPUs: 2, MemoryBytes: 1 << 30, Kernel: "6.12.0", QEMU: "10.0", Accelerator: "tcg", AcceleratorReason: "no /dev/kvm"},
		Series:  []bench.Series{warm, cold, bench.Skipped("other", "", "not at all", "not there\nat all")},
		Ratios:  []bench.Ratio{ratio},
	}
}

func TestReport(t *testing.T) {
	r := report(t)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(bench.Schema, data))
	require.Equal(t, []string{"warm / cold [6.12]: 0.200, at most 0.100 wanted"}, r.Missed())
	r.Series[1].TargetNS = 1
	require.Len(t, r.Missed(), 2)
}

// TestSizesAndLeaks: they are held to their targets like all else.
func TestSizesAndLeaks(t *testing.T) {
	r := bench.Report{
		Schema: bench.Schema, Name: "sample", StartedAt: time.Unix(0, 0).UTC(),
		Machine: bench.Machine{CPUModel: "x", CPUs: 2, MemoryBytes: 1 << 30, Kernel: "6.12.0"},
		Series:  []bench.Series{}, Ratios: []bench.Ratio{},
		Sizes: []bench.Size{{Name: "memory", Method: "m", Bytes: 3 << 20, Target: 4 << 20}},
		Leaks: []bench.Leak{{Name: "mounts", Runs: 10, Before: 20, Left: []string{}}},
	}
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(bench.Schema, data))
	require.Empty(t, r.Missed())
	var out strings.Builder
	require.NoError(t, bench.WriteText(&out, r))
	require.Contains(t, out.String(), "3.0 MiB")
	require.Contains(t, out.String(), "leaks: mounts left")
	r.Sizes[0].Bytes, r.Leaks[0].Left = 5<<20, []string{"/mnt"}
	require.Equal(t, []string{"memory: 5242880 bytes, at most 4194304 wanted", "mounts: 1 are left after 10 runs, such as /mnt"}, r.Missed())
	r.Sizes[0] = bench.Size{Name: "memory", Method: "m", SkipReason: "gone"}
	require.Equal(t, "memory: gone", r.Missed()[0])
}

func TestWriteText(t *testing.T) {
	var out strings.Builder
	require.NoError(t, bench.WriteText(&out, report(t)))
	require.Equal(t, `x, 2 CPUs, 1024 MiB, Linux 6.12.0, load 0.00 per CPU
QEMU 10.0, tcg (no /dev/kvm)

MEASURED               N  MIN    MEDIAN  MAX    WANTED
warm [6.12]            2  10ms   20ms    30ms   
cold [6.12] (10 MB/s)  2  100ms  100ms   100ms  <= 1s met
other                  skipped: not there
warm / cold [6.12]     2  0.100  0.200  0.300  <= 0.10 MISSED
`, out.String())
}

func TestReadMachine(t *testing.T) {
	proc := t.TempDir()
	for name, text := range map[string]string{
		"cpuinfo": "processor\t: 0\nmodel name\t: Some CPU\n", "meminfo": "MemTotal:  2048 kB\n", "loadavg": "0.00 1 2 1/3 4\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(proc, name), []byte(text), 0o600))
	}
	m, err := bench.ReadMachine(proc)
	require.NoError(t, err)
	require.Equal(t, "Some CPU", m.CPUModel)
	require.EqualValues(t, 2<<20, m.MemoryBytes)
	require.Zero(t, m.Load)
	require.NoError(t, os.WriteFile(filepath.Join(proc, "loadavg"), nil, 0o600))
	_, err = bench.ReadMachine(proc)
	require.ErrorContains(t, err, "parse load")
	_, err = bench.ReadMachine(t.TempDir())
	require.Error(t, err)
}
