package plainname_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/plainname"
)

var pattern = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_.-]{0,14}\z`)

// FuzzIs holds the function to the pattern that says the same.
func FuzzIs(f *testing.F) {
	for _, name := range []string{"", "a", "mc0", "A-b_c.9", "-a", ".", "..", "a/b", "a b", "ä", "a\n", "a\x00", "123456789012345", "1234567890123456", "z{", "Z[", "9:", "`", "@", "/"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		require.Equal(t, pattern.MatchString(name), plainname.Is(name, 15), "%q", name)
	})
}
