package verdict_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
)

// TestRefusedArtifacts: who leaves more than can be kept has failed; that is
// no fault of the harness.
func TestRefusedArtifacts(t *testing.T) {
	trace := green()
	trace.Runs[0].Artifacts, trace.Runs[0].Refused = nil, "more than 4096 files"
	gotest, exit := judge(trace)
	require.Equal(t, report.Fail, gotest.Outcome)
	require.Contains(t, gotest.Reason, "more than 4096 files")
	require.Equal(t, report.Pass, exit.Outcome)
}
