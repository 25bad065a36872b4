package vmtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

func TestCheckSupported(t *testing.T) {
	tests := []struct {
		name  string
		needs plan.Needs
		want  string
	}{
		{"what there is", plan.Needs{Init: plan.InitGuest, Image: "base"}, ""},
		{"systemd", plan.Needs{Init: plan.InitSystemd, Image: "base"}, `needs init "systemd"`},
		{"other image", plan.Needs{Init: plan.InitGuest, Image: "peers"}, `needs image "peers"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			entry := plan.Entry{Deliverable: "d", ID: "e", Needs: tt.needs}
			err := checkSupported([]plan.Plan{{Deliverable: "d", Entries: []plan.Entry{entry}}})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "d/e "+tt.want)
		})
	}
}
