//go:build vmtest && linux

package vmtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/guest"
)

// output runs a program to its successful end.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return strings.TrimSpace(string(out))
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.TrimSpace(string(data))
}

// TestSystemdIsUp: the first command runs when the boot is over.
func TestSystemdIsUp(t *testing.T) {
	require.Equal(t, "systemd", contents(t, "/proc/1/comm"))
	require.Equal(t, "running", output(t, "systemctl", "is-system-running"))
	for _, unit := range []string{"vmtest-agent.service", "multi-user.target", "systemd-journald.service"} {
		require.Equal(t, "active", output(t, "systemctl", "is-active", unit), unit)
	}
}

// TestSystemdGuestHasTheSameMounts as one with our own init.
func TestSystemdGuestHasTheSameMounts(t *testing.T) {
	mounts, err := mountinfo.GetMounts(nil)
	require.NoError(t, err)
	types := map[string]string{}
	for _, m := range mounts {
		types[m.Mountpoint] = m.FSType
	}
	for _, want := range guest.Mounts() {
		if want.Required || types[want.Target] != "" {
			require.Equal(t, want.Type, types[want.Target], want.Target)
		}
	}
	require.Equal(t, "ext4", types["/payload"])
	require.Equal(t, "ext4", types["/usr/lib/modules"])
	for _, want := range guest.Sysctls() {
		require.Equal(t, want.Value, contents(t, filepath.Join("/proc/sys", strings.ReplaceAll(want.Name, ".", "/"))), want.Name)
	}
}

// TestSystemdServiceLimits: a transient service has the control group and the
// limit that it was asked for, and its exit status comes back.
func TestSystemdServiceLimits(t *testing.T) {
	script := `group=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); echo $group; cat $group/memory.max`
	out := output(t, "systemd-run", "--quiet", "--wait", "--pipe", "-p", "MemoryMax=64M", "--unit=limited", "sh", "-c", script)
	require.Equal(t, "/sys/fs/cgroup/system.slice/limited.service\n67108864", out)

	err := exec.Command("systemd-run", "--quiet", "--wait", "sh", "-c", "exit 7").Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 7, exit.ExitCode())
}

// TestSystemdCommandHasItsOwnGroup, with all the controllers that systemd
// delegates, and no child can leave for process 1.
func TestSystemdCommandHasItsOwnGroup(t *testing.T) {
	own := strings.TrimPrefix(contents(t, "/proc/self/cgroup"), "0::")
	require.Regexp(t, `^/system\.slice/vmtest-agent\.service/command-\d+$`, own)
	require.Subset(t, strings.Fields(contents(t, "/sys/fs/cgroup"+own+"/cgroup.controllers")),
		[]string{"cpu", "cpuset", "io", "memory", "pids"})
	require.Equal(t, "0", contents(t, "/proc/self/oom_score_adj"))

	// The shell ends at once; who is its child's parent then?
	pid := output(t, "sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!")
	stat := strings.Fields(contents(t, "/proc/"+pid+"/stat"))
	require.Equal(t, strconv.Itoa(os.Getppid()), stat[3], "the agent is the parent of orphans")
	output(t, "kill", "-KILL", pid)
}
