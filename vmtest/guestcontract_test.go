package vmtest_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/guest"
)

var update = flag.Bool("update", false, "rewrite the generated part of README.md")

const (
	contractBegin = "<!-- contract: generated, go test ./vmtest -run README -update -->\n\n"
	contractEnd   = "\n<!-- end of contract -->"
)

// TestREADMEStatesTheContract: the tables in the README are those that init
// goes by.
func TestREADMEStatesTheContract(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	head, rest, ok := bytes.Cut(readme, []byte(contractBegin))
	require.True(t, ok)
	got, tail, ok := bytes.Cut(rest, []byte(contractEnd))
	require.True(t, ok)
	var want bytes.Buffer
	require.NoError(t, guest.Markdown(&want))
	if *update {
		whole := bytes.Join([][]byte{head, []byte(contractBegin), want.Bytes(), []byte(contractEnd), tail}, nil)
		require.NoError(t, os.WriteFile("README.md", whole, 0o644))
		return
	}
	require.Equal(t, want.String(), string(got))
}
