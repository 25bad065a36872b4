package guest

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestBecomeSystemd(t *testing.T) {
	m, k := fakeMachine(t, map[string]string{
		"init": "our program", "proc/filesystems": "nodev\ttmpfs\nnodev\tbpf\n", "proc/sys/kernel/modprobe": "/sbin/modprobe\n",
		"sys/block/vda/serial": "root",
	})
	r := m.root
	k.refuse["exec "+r+"/usr/lib/systemd/systemd [/usr/lib/systemd/systemd] [HOME=/ TERM=linux PATH="+defaultPath+"]"] = unix.ENOENT
	err := m.becomeSystemd()
	require.ErrorIs(t, err, unix.ENOENT)
	require.ErrorContains(t, err, "become systemd")
	require.Equal(t, []string{
		"switch " + r + "/newroot",
		"mount tmpfs " + r + "/run tmpfs 0x6 mode=0755",
		"mount bpf " + r + "/sys/fs/bpf bpf 0xe mode=0700",
	}, k.calls[len(k.calls)-4:len(k.calls)-1], "what systemd finds mounted")

	agent, err := os.ReadFile(r + "/run/vmtest/agent")
	require.NoError(t, err)
	require.Equal(t, "our program", string(agent))
	info, err := os.Stat(r + "/run/vmtest/agent")
	require.NoError(t, err)
	require.EqualValues(t, 0o755, info.Mode().Perm())
	require.NoFileExists(t, r+"/init", "the initramfs must not hold a second copy")
	unit, err := os.ReadFile(r + "/run/systemd/system/multi-user.target.wants/vmtest-agent.service")
	require.NoError(t, err)
	require.Contains(t, string(unit), "ExecStart="+agentPath+"\n")
	mask, err := os.Readlink(r + "/run/systemd/system/systemd-logind.service")
	require.NoError(t, err)
	require.Equal(t, "/dev/null", mask)
	warnings, err := os.ReadFile(r + "/run/vmtest/warnings")
	require.NoError(t, err)
	require.Contains(t, string(warnings), "disk modules")
}

func TestAwaitSystemd(t *testing.T) {
	tests := []struct {
		name, state, failed string
		warnings            []string
		want                string
	}{
		{"up", "running", "", nil, ""},
		{"with a failed unit", "degraded", "a.service loaded failed failed A\nb.mount loaded failed failed B",
			[]string{"systemd is degraded, failed units: a.service b.mount"}, ""},
		{"in rescue mode", "maintenance", "", nil, `wait for systemd: it is "maintenance": exit status 1`},
		{"no answer", "", "", nil, `it is ""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, _ := fakeMachine(t, nil)
			u := &unit{machine: m}
			err := u.awaitSystemd(func(args ...string) (string, error) {
				if args[0] == "list-units" {
					return tt.failed, nil
				}
				require.Equal(t, []string{"is-system-running", "--wait"}, args)
				return tt.state, errors.New("exit status 1")
			})
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.warnings, u.warnings)
		})
	}
}

func TestMissingMounts(t *testing.T) {
	var mounts strings.Builder
	for _, mount := range lateMounts[1:] {
		mounts.WriteString(mount.Source + " " + mount.Target + " " + mount.Type + " rw 0 0\n")
	}
	m, _ := fakeMachine(t, map[string]string{"proc/self/mounts": mounts.String()})
	require.Equal(t, lateMounts[:1], (&unit{machine: m}).missing())
}

// TestIsSystemdGuest: the agent powers machines off, so that it must know a
// guest from the machine of somebody who set vmtest=agent.
func TestIsSystemdGuest(t *testing.T) {
	tests := []struct {
		cmdline string
		want    bool
	}{
		{"quiet vmtest=1 vmtest_system=systemd panic=-1\n", true},
		{"vmtest=1\n", false},
		{"vmtest_system=systemd\n", false},
		{"root=/dev/sda1 vmtest=10 vmtest_system=systemd\n", false},
		{"", false},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "cmdline")
		require.NoError(t, os.WriteFile(path, []byte(tt.cmdline), 0o644))
		require.Equal(t, tt.want, isSystemdGuest(path), tt.cmdline)
	}
	require.False(t, isSystemdGuest(filepath.Join(t.TempDir(), "none")))
	require.False(t, isSystemdGuest("/proc/cmdline"), "a test does not run in such a guest")
}

// TestServiceSparesOthers: nothing here may reach process 1 or ourselves.
func TestServiceSparesOthers(t *testing.T) {
	for _, pid := range []int{-1, 0, 1, os.Getpid()} {
		require.ErrorIs(t, service{}.Kill(pid), unix.EPERM, pid)
	}
	require.ErrorIs(t, service{}.KillAll(), unix.EPERM)
}

func TestSweepBesideSystemd(t *testing.T) {
	own := os.Getpid()
	m, k := fakeMachine(t, nil)
	k.procRoot = m.path("/proc")
	stat := func(pid, parent, session int, name string) {
		path := filepath.Join(k.procRoot, strconv.Itoa(pid), "stat")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(strconv.Itoa(pid)+" ("+name+") S "+strconv.Itoa(parent)+" 1 "+strconv.Itoa(session)+" 0 0 0 0"), 0o644))
	}
	stat(50_000_001, 1, 50_000_001, "journald")
	stat(50_000_010, own, 50_000_010, "left")
	stat(50_000_011, 50_000_010, 50_000_011, "deep")
	stat(50_000_020, own, 50_000_020, "other")
	u := &unit{machine: m, cages: &cages{of: map[int]string{}}}

	require.Equal(t, []string{"deep", "left"}, u.Sweep(50_000_010, false), "beside another command")
	require.Equal(t, []string{"other"}, u.Sweep(50_000_010, true), "alone")
	require.FileExists(t, filepath.Join(k.procRoot, "50000001", "stat"), "what systemd runs is spared")
	k.childless = true
	require.Empty(t, u.Sweep(50_000_010, true))
}
