package buildinfo

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDescribe(t *testing.T) {
	vcs := func(rev, modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: rev}, {Key: "vcs.modified", Value: modified}}
	}
	tests := []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"nothing recorded", debug.BuildInfo{}, "(devel)"},
		{"tagged", debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}}, "v1.2.0"},
		{"commit", debug.BuildInfo{Settings: vcs("1a2b3c4d5e6f7788", "false")}, "(devel) 1a2b3c4d5e6f"},
		{"dirty", debug.BuildInfo{Settings: vcs("1a2b3c4d5e6f7788", "true")}, "(devel) 1a2b3c4d5e6f+dirty"},
		{"short revision", debug.BuildInfo{Settings: vcs("1a2b", "false")}, "(devel) 1a2b"},
		{
			"pseudo-version names the commit already",
			debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20260101000000-1a2b3c4d5e6f"}, Settings: vcs("1a2b3c4d5e6f7788", "false")},
			"v0.0.0-20260101000000-1a2b3c4d5e6f",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, describe(&tt.info))
		})
	}
	require.NotEmpty(t, Version())
}
