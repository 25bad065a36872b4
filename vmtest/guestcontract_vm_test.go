//go:build vmtest && linux

package vmtest_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/guest"
)

// TestGuestContract runs in the guest and holds it against what the README
// promises: the tables there are rendered from the same values.
func TestGuestContract(t *testing.T) {
	mounts, err := mountinfo.GetMounts(nil)
	require.NoError(t, err)
	byTarget := map[string]*mountinfo.Info{}
	for _, m := range mounts {
		byTarget[m.Mountpoint] = m
	}
	for _, want := range guest.Mounts() {
		got := byTarget[want.Target]
		if got == nil && !want.Required {
			continue
		}
		require.NotNil(t, got, want.Target)
		require.Equal(t, want.Type, got.FSType, want.Target)
	}
	for _, disk := range guest.Disks() {
		if disk.Target == "" {
			continue
		}
		got := byTarget[disk.Target]
		require.NotNil(t, got, disk.Target)
		require.Equal(t, "ext4", got.FSType)
		if strings.Contains(disk.Options, "ro") {
			require.Contains(t, strings.Split(got.Options, ","), "ro", disk.Target)
		}
	}
}

func TestGuestSysctls(t *testing.T) {
	for _, want := range guest.Sysctls() {
		data, err := os.ReadFile(filepath.Join("/proc/sys", strings.ReplaceAll(want.Name, ".", "/")))
		require.NoError(t, err)
		require.Equal(t, want.Value, strings.TrimSpace(string(data)), want.Name)
	}
}

func TestGuestEnvironment(t *testing.T) {
	dir, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, "/payload", dir)
	require.Zero(t, os.Getuid())
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, guest.Hostname, host)

	env := map[string]string{}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	require.Equal(t, "1", env["VMTEST"])
	require.Equal(t, "/root", env["HOME"])
	require.True(t, strings.HasPrefix(env["PATH"], "/payload/bin:"))
	require.Regexp(t, `^\d+$`, env["VMTEST_SEED"])
	require.Len(t, env, 8, "exactly what the README lists: %v", env)
	entries, err := os.ReadDir(env["VMTEST_OUT"])
	require.NoError(t, err)
	require.Empty(t, entries, "the artifact directory starts empty")
}

func TestGuestNetworkIsLoopbackOnly(t *testing.T) {
	links, err := net.Interfaces()
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, "lo", links[0].Name)
	require.NotZero(t, links[0].Flags&net.FlagUp)
}

func TestGuestCgroupControllersAreEnabled(t *testing.T) {
	available, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	require.NoError(t, err)
	enabled, err := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control")
	require.NoError(t, err)
	require.ElementsMatch(t, strings.Fields(string(available)), strings.Fields(string(enabled)))
	require.Subset(t, strings.Fields(string(enabled)), []string{"cpu", "cpuset", "io", "memory", "pids"})
}

func TestGuestTools(t *testing.T) {
	for _, tool := range []string{"bpftrace", "bpftool", "ip", "modprobe", "stress-ng", "busybox", "ps", "unshare"} {
		_, err := exec.LookPath(tool)
		require.NoError(t, err)
	}
	// What the image does not have, on purpose: tests bring their own.
	for _, tool := range []string{"gcc", "python3", "curl"} {
		_, err := exec.LookPath(tool)
		require.ErrorIs(t, err, exec.ErrNotFound)
	}
}

// TestGuestModulesAutoload: the whole module tree is there, so that what a
// test asks of the kernel loads itself.
func TestGuestModulesAutoload(t *testing.T) {
	out, err := exec.Command("modprobe", "veth").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
