package vmtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

func TestTailLines(t *testing.T) {
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "line %d\n", i)
	}
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"blank lines", "\n \n\r\n", nil},
		{"the last ones", many.String(), []string{"line 998", "line 999"}},
		{"no final newline", "a\nb", []string{"a", "b"}},
		{"indented", "    x_test.go:1: no\n", []string{"    x_test.go:1: no"}},
		{"terminal codes", "\x1b[31mred\x1b[0m\a\x00\r\n", []string{"[31mred[0m"}},
		{"invalid UTF-8", "a\xff\xfeb\n", []string{"a?b"}},
		{"long", strings.Repeat("ä", 500), []string{strings.Repeat("ä", 100) + " ..."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tailLines([]byte(tt.text), 2)
			require.Equal(t, tt.want, append([]string(nil), got...))
		})
	}
}

// TestOutputTail: what failed is shown, however much was printed after it, and
// what went to standard error comes last.
func TestOutputTail(t *testing.T) {
	r := &cellRun{dir: t.TempDir()}
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644))
	}
	stdout := "\x16=== RUN   TestA\n    a_test.go:3: want 1\n\x16--- FAIL: TestA (0.10s)\n\x16=== RUN   TestB\n" +
		strings.Repeat("    noise\n", 5000) + "\x16--- PASS: TestB (0.00s)\n\x16FAIL\n"
	write("stdout.log", stdout)
	write("stderr.log", "last words\n")
	r.entry.Result = plan.ResultGoTest
	run := verdict.Run{Stdout: []byte(stdout)}
	require.Equal(t, []string{"--- FAIL: TestA", "    a_test.go:3: want 1", "last words"}, r.outputTail(run))

	r.entry.Result = plan.ResultExit
	got := r.outputTail(run)
	require.Len(t, got, maxStdoutTail+1)
	require.Equal(t, "last words", got[maxStdoutTail])

	require.NoError(t, os.Remove(filepath.Join(r.dir, "stderr.log")))
	require.NoError(t, os.Remove(filepath.Join(r.dir, "stdout.log")))
	require.Empty(t, r.outputTail(verdict.Run{}))
}
