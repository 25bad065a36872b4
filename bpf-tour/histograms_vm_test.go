//go:build vmtest && linux

package bpftour_test

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
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
// of the same threads, once with two spinners on one CPU and once alone. A
// stall of the machine between the kernel's clock and bpftrace's spoils that,
// so it may be tried again.
func TestVMRunqlat(t *testing.T) {
	r := seeded(t)
	for try := 1; ; try++ {
		err := compareWaits(t, r)
		if err == nil {
			return
		}
		t.Logf("try %d: %v", try, err)
		require.Less(t, try, 3, "the waiting times never agree")
	}
}

func compareWaits(t *testing.T, r *rand.Rand) error {
	crowded, alone := fmt.Sprintf("crowd%06d", r.IntN(1e6)), fmt.Sprintf("alone%06d", r.IntN(1e6))
	s := startTour(t, "runqlat", "60s")
	kernelCrowded := spin(t, crowded, 700*time.Millisecond, 0, 0)
	kernelAlone := spin(t, alone, 300*time.Millisecond, 1)
	result := s.stop(t)
	got, control := waitsOf(result, crowded), waitsOf(result, alone)
	t.Logf("crowded: %+v, kernel %+v; alone: %+v, kernel %+v", got, kernelCrowded, control, kernelAlone)
	slack := int64(20 * time.Millisecond) // between the naming and the reading of schedstat
	switch {
	case math.Abs(float64(kernelCrowded.slices-got.samples)) > 8+0.1*float64(kernelCrowded.slices):
		return errors.New("other number of waits than the kernel counted")
	case got.leastNS > kernelCrowded.delayNS+slack || got.mostNS < kernelCrowded.delayNS-slack:
		return errors.New("the crowded threads waited for another time than the kernel says")
	case control.leastNS > kernelAlone.delayNS+slack || control.mostNS < kernelAlone.delayNS-slack:
		return errors.New("the lone thread waited for another time than the kernel says")
	case got.long <= 10 || got.leastNS <= 2*control.leastNS:
		return errors.New("two spinners on one CPU do not wait for each other")
	}
	return nil
}
