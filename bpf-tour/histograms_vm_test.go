//go:build vmtest && linux

package bpftour_test

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestVMReadsize(t *testing.T) {
	r := seeded(t)
	comm := fmt.Sprintf("r%02d %s", r.IntN(100), nasty(r, 9))
	sizes, want := []string{}, map[int64]int64{}
	for range 100 + r.IntN(100) {
		size := 1 + r.IntN(1<<r.IntN(20))
		sizes = append(sizes, strconv.Itoa(size))
		want[1<<(bits.Len(uint(size))-1)]++
	}
	s := startTour(t, "readsize", "60s")
	cmd := helper("read", "COMM="+comm, "SIZES="+strings.Join(sizes, ","))
	require.NoError(t, cmd.Run())
	result := s.stop(t)

	got, found := map[int64]int64{}, 0
	for _, h := range result.Histograms {
		if h.Key["pid"] != float64(cmd.Process.Pid) || h.Key["comm"] != comm {
			continue
		}
		found++
		require.EqualValues(t, len(sizes), h.SampleCount)
		for _, b := range h.Buckets {
			require.Equal(t, 2*b["min_bytes"]-1, b["max_bytes"], "a bucket spans a power of two")
			if b["sample_count"] > 0 {
				got[b["min_bytes"]] = b["sample_count"]
			}
		}
	}
	require.Equal(t, 1, found, "histograms of the reader %q", comm)
	require.Equal(t, want, got)
}

// waits sums up a thread name's histogram of waiting times.
type waits struct {
	samples, long   int64 // long: of 1 ms and more
	leastNS, mostNS int64 // what the bounds of the buckets allow in total
}

func waitsOf(result vmResult, comm string) (w waits) {
	for _, h := range result.Histograms {
		if h.Key["comm"] != comm {
			continue
		}
		for _, b := range h.Buckets {
			n := b["sample_count"]
			w.samples += n
			w.leastNS += n * b["min_ns"]
			w.mostNS += n * b["max_ns"]
			if b["min_ns"] >= 1<<20 {
				w.long += n
			}
		}
	}
	return w
}

// TestVMRunqlat compares the waiting times with the kernel's own accounting
// of the same threads, once with two spinners on one CPU and once alone.
func TestVMRunqlat(t *testing.T) {
	r := seeded(t)
	crowded, alone := fmt.Sprintf("crowd%06d", r.IntN(1e6)), fmt.Sprintf("alone%06d", r.IntN(1e6))
	s := startTour(t, "runqlat", "60s")
	kernelCrowded := spin(t, crowded, 700*time.Millisecond, 0, 0)
	kernelAlone := spin(t, alone, 300*time.Millisecond, 1)
	result := s.stop(t)

	got, control := waitsOf(result, crowded), waitsOf(result, alone)
	t.Logf("crowded: %+v, kernel %+v; alone: %+v, kernel %+v", got, kernelCrowded, control, kernelAlone)
	slack := int64(20 * time.Millisecond) // between the naming and the reading of schedstat
	require.InDelta(t, kernelCrowded.slices, got.samples, 8+0.1*float64(kernelCrowded.slices))
	require.LessOrEqual(t, got.leastNS, kernelCrowded.delayNS+slack)
	require.GreaterOrEqual(t, got.mostNS, kernelCrowded.delayNS-slack)
	require.LessOrEqual(t, control.leastNS, kernelAlone.delayNS+slack)
	require.GreaterOrEqual(t, control.mostNS, kernelAlone.delayNS-slack)
	require.Greater(t, got.long, int64(10), "two spinners on one CPU wait for each other")
	require.Greater(t, got.leastNS, 2*control.leastNS)
}
