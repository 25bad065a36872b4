package bisect_test

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/bisect"
)

// run searches a list written as o (old), n (new) and s (cannot be told).
func run(t *testing.T, list string) (found, asked []int) {
	t.Helper()
	s := bisect.NewSearch(len(list))
	for {
		i, ok := s.Next()
		if !ok {
			require.Zero(t, s.Left())
			return s.Found(), asked
		}
		require.Positive(t, s.Left())
		asked = append(asked, i)
		require.LessOrEqual(t, len(asked), len(list), "asks for ever")
		s.Tell(i, map[byte]bisect.State{'o': bisect.Old, 'n': bisect.New, 's': bisect.Skipped}[list[i]])
	}
}

func TestSearch(t *testing.T) {
	tests := []struct {
		list  string
		found []int
	}{
		{"on", []int{1}},
		{"oon", []int{2}},
		{"onn", []int{1}},
		{"ooonnnn", []int{3}},
		{"osn", []int{1, 2}},
		{"osssn", []int{1, 2, 3, 4}},
		{"ooossnn", []int{3, 4, 5}},
		{"ososnsn", []int{3, 4}},
		{"sooonn"[1:], []int{3}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			found, _ := run(t, tt.list)
			require.Equal(t, tt.found, found)
		})
	}
}

// TestSearchEverywhere tries each place of a change in lists of each length.
func TestSearchEverywhere(t *testing.T) {
	for n := 2; n < 40; n++ {
		for first := 1; first < n; first++ {
			list := make([]byte, n)
			for i := range list {
				list[i] = "on"[b(i >= first)]
			}
			found, asked := run(t, string(list))
			require.Equal(t, []int{first}, found, string(list))
			require.LessOrEqual(t, len(asked), bits.Len(uint(n)), "%s: asked %v", list, asked)
		}
	}
}

func b(v bool) int {
	if v {
		return 1
	}
	return 0
}

// TestSearchWithSkips tries each choice of elements that cannot be told.
func TestSearchWithSkips(t *testing.T) {
	const n = 9
	for first := 1; first < n; first++ {
		for skips := range 1 << (n - 2) {
			list := make([]byte, n)
			for i := range list {
				list[i] = "on"[b(i >= first)]
				if i > 0 && i < n-1 && skips>>(i-1)&1 == 1 {
					list[i] = 's'
				}
			}
			found, _ := run(t, string(list))
			require.Contains(t, found, first, string(list))
			for _, i := range found[:len(found)-1] {
				require.Equal(t, byte('s'), list[i], "%s: %v", list, found)
			}
		}
	}
}

func ExampleSearch() {
	kernels := []string{"5.10", "6.1", "6.12", "6.18", "7"}
	s := bisect.NewSearch(len(kernels))
	for i, ok := s.Next(); ok; i, ok = s.Next() {
		fmt.Println("look at", kernels[i])
		s.Tell(i, bisect.Old)
	}
	fmt.Println("first:", kernels[s.Found()[0]])
	// Output:
	// look at 6.12
	// look at 6.18
	// first: 7
}
