package inspect

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse: whatever files say, the parsers return, and what they accept can
// be printed and keeps to the schema.
func FuzzParse(f *testing.F) {
	archive, err := os.ReadFile("testdata/container.txtar")
	require.NoError(f, err)
	for _, file := range strings.Split(string(archive), "\n-- ")[1:] {
		_, text, _ := strings.Cut(file, " --\n")
		f.Add(text)
	}
	for _, seed := range []string{statusText, limitsText, "mnt:[4026531841]", "8:0 rbps=1 wbps=max riops=max wiops=max\n", "0::/x\n4:cpu:/y\n", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := &Report{}
		if r.parseStatus(text) != nil {
			r = &Report{}
			require.NoError(t, r.parseStatus(statusText))
		}
		r.UIDMappings, _ = ParseIDMap(text)
		r.TimeOffsets, _ = parseTimeOffsets(text)
		r.Mounts, _ = parseMounts(text)
		r.Rlimits, _ = parseRlimits(text)
		if c, err := parseCgroups(text); err == nil {
			r.Cgroup = c
			files := map[string]string{}
			for _, name := range neededFiles() {
				files[name] = strings.TrimSuffix(text, "\n")
			}
			c.Limits, _ = effectiveLimits([]level{{path: "/x", files: files}})
		}
		_, _ = ParseNamespace(text)
		var out strings.Builder
		require.NoError(t, r.Text(&out, false))
		require.NotContains(t, out.String(), "\x1b")
	})
}
