package kernel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/kernel"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, release, want string
	}{
		{"debian abi", "5.10.0-46-cloud-amd64", "5.10"},
		{"debian point release", "6.12.117+deb13-cloud-amd64", "6.12.117"},
		{"series", "7.2", "7.2"},
		{"release candidate", "7.3-rc2", "7.3"},
		{"four numbers", "6.1.2.3", "6.1.2"},
		{"one number", "6", ""},
		{"empty", "", ""},
		{"words", "linux", ""},
		{"trailing dot", "6.", ""},
		{"huge", "99999999999999999999.1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := kernel.Parse(tt.release)
			if tt.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, v.String())
		})
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name    string
		feature kernel.Feature
		release string
		want    string
	}{
		{"older", kernel.CgroupKill, "5.10.0-46-cloud-amd64", "cgroup.kill needs kernel >= 5.14, running 5.10.0-46-cloud-amd64"},
		{"equal", kernel.CgroupKill, "5.14.0", ""},
		{"newer minor", kernel.PidsEventsMax, "6.12.117+deb13-cloud-amd64", ""},
		{"newer major", kernel.CgroupKill, "7.2.12", ""},
		{"unknown", "warp-drive", "7.2", "unknown kernel feature"},
		{"bad release", kernel.CgroupKill, "x", "parse kernel release"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := kernel.Check(tt.feature, tt.release)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"5.10.0-46-cloud-amd64", "7.2", "", "6..1", "-1.2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := kernel.Parse(s)
		if err == nil {
			require.True(t, v.AtLeast(v))
			require.True(t, v.Major >= 0 && v.Minor >= 0 && v.Patch >= 0)
		}
	})
}
