package guest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewCages(t *testing.T) {
	const dir = "cgroup/system.slice/vmtest-agent.service"
	root := fakeRoot(t, map[string]string{
		"proc/self/cgroup":              "0::/system.slice/vmtest-agent.service/agent\n",
		dir + "/cgroup.controllers":     "pids\n",
		dir + "/cgroup.subtree_control": "",
	})
	c, err := newCages(filepath.Join(root, "cgroup"), filepath.Join(root, "proc"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, dir), c.dir)
	enabled, err := os.ReadFile(filepath.Join(root, dir, "cgroup.subtree_control"))
	require.NoError(t, err)
	require.Equal(t, "+pids", string(enabled))
}

func TestNewCagesFailures(t *testing.T) {
	tests := []struct {
		name, cgroup, want string
	}{
		{"in the root group", "0::/\n", "find own control group"},
		{"not in a group of its own", "0::/init.scope\n", "find own control group"},
		{"cgroup v1", "1:name=systemd:/a/b\n", "find own control group"},
		{"not mounted", "0::/a/b\n", "read controllers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fakeRoot(t, map[string]string{"proc/self/cgroup": tt.cgroup})
			_, err := newCages(filepath.Join(root, "cgroup"), filepath.Join(root, "proc"))
			require.ErrorContains(t, err, tt.want)
		})
	}
}
