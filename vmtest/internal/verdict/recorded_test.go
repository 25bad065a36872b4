package verdict_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
)

// TestRecordedFaults judges what was recorded of real guests that were made to
// fail, on 6.12.
func TestRecordedFaults(t *testing.T) {
	tests := []struct {
		name   string
		want   report.Outcome
		reason string
	}{
		{"end-init", report.Panic, "guest init exited: Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000700"},
		{"hung-task", report.Splat, "hung task: INFO: task faults:154 blocked for more than 1 seconds."},
		{"triple-fault", report.Lost, "guest reset itself without a word: a triple fault or a hard reset, while the test ran"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "faults", tt.name+".json"))
			require.NoError(t, err)
			var trace verdict.Trace
			require.NoError(t, json.Unmarshal(data, &trace))
			trace.Console, err = os.ReadFile(filepath.Join("testdata", "faults", tt.name+".console"))
			require.NoError(t, err)
			e := plan.Entry{Deliverable: "faults", ID: tt.name, Result: plan.ResultExit}
			got := verdict.Judge([]plan.Entry{e}, trace)[0]
			require.Equal(t, tt.want, got.Outcome, got.Reason)
			require.Equal(t, tt.reason, got.Reason)
		})
	}
}
