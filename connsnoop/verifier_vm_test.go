//go:build vmtest && linux

package connsnoop_test

import (
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

//go:embed testdata/verifier-ceilings.json
var ceilingsFile []byte

// TestVerifier reports what this kernel's verifier says of each program, and
// holds it against the committed ceilings: who makes a program costlier has to
// say so there.
func TestVerifier(t *testing.T) {
	report, err := connsnoop.Verify()
	require.NoError(t, err)
	document, err := json.MarshalIndent(report, "", " ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv("VMTEST_OUT"), "verifier.json"), document, 0o644))

	var ceilings map[string]connsnoop.VerifierCost
	require.NoError(t, json.Unmarshal(ceilingsFile, &ceilings))
	for _, p := range report.Programs {
		require.Contains(t, ceilings, p.Program)
		require.NoError(t, p.Exceeds(ceilings[p.Program]), "%s of %s", p.Program, p.Backend)
	}
	for _, r := range report.Refused { // CONFIG_FPROBE is off on Debian's 5.10 and 6.1
		require.Equal(t, connsnoop.BackendKprobeMulti, r.Backend, r.Reason)
	}
}
