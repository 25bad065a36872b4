package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func TestEnterRoot(t *testing.T) {
	m, k := fakeMachine(t, map[string]string{
		"modules/10-b.ko": "", "modules/02-a.ko": "",
		"sys/block/vda/serial": "other\n", "sys/block/vdb/serial": "root\n",
	})
	k.refuse["load 02-a.ko"] = unix.EEXIST
	require.NoError(t, m.enterRoot())
	r := m.root
	require.Equal(t, []string{
		"mount proc " + r + "/proc proc 0xe ",
		"mount sysfs " + r + "/sys sysfs 0xe ",
		"mount devtmpfs " + r + "/dev devtmpfs 0x2 mode=0755",
		"load 02-a.ko", "load 10-b.ko",
		"mount /dev/vdb " + r + "/newroot ext4 0x0 ",
		"mount " + r + "/proc " + r + "/newroot/proc  0x2000 ",
		"mount " + r + "/sys " + r + "/newroot/sys  0x2000 ",
		"mount " + r + "/dev " + r + "/newroot/dev  0x2000 ",
		"switch " + r + "/newroot",
	}, k.calls)
	left, err := filepath.Glob(r + "/modules/*")
	require.NoError(t, err)
	require.Empty(t, left, "modules must not stay in memory")
}

func TestEnterRootFailures(t *testing.T) {
	tests := []struct {
		name, call string
		refuse     error
		files      map[string]string
		want       string
	}{
		{"no root disk", "", nil, nil, "wait for disk root"},
		{"bad module", "load 00-x.ko", unix.ENOEXEC, map[string]string{"modules/00-x.ko": ""}, "load module 00-x.ko: exec format error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, k := fakeMachine(t, tt.files)
			k.refuse[tt.call] = tt.refuse
			require.ErrorContains(t, m.enterRoot(), tt.want)
		})
	}
}

var furnished = map[string]string{
	"proc/filesystems":                     "nodev\ttmpfs\n\text4\nnodev\tbpf\nnodev\tmqueue\n",
	"proc/sys/kernel/modprobe":             "/sbin/modprobe\n",
	"proc/sys/kernel/panic_on_oops":        "1\n",
	"sys/fs/cgroup/cgroup.controllers":     "cpu memory\n",
	"sys/fs/cgroup/cgroup.subtree_control": "",
	"sys/block/vda/serial":                 "root",
	"sys/block/vdb/serial":                 "modules",
}

func TestFurnish(t *testing.T) {
	m, k := fakeMachine(t, furnished)
	r := m.root
	cgroup := "mount cgroup2 " + r + "/sys/fs/cgroup cgroup2 0xe nsdelegate"
	k.refuse[cgroup+",memory_recursiveprot"] = unix.EINVAL
	k.refuse["mount mqueue "+r+"/dev/mqueue mqueue 0xe "] = unix.EPERM
	require.NoError(t, m.furnish())
	require.Contains(t, k.calls, "mount  /  0x104000 ", "mounts are shared")
	require.Contains(t, k.calls, "mount /dev/vdb "+r+"/usr/lib/modules ext4 0x1 ")
	require.Contains(t, k.calls, cgroup, "fallback for older kernels")
	require.Contains(t, k.calls, "up lo")
	require.Contains(t, k.calls, "files 1024 524288")
	warnings := strings.Join(m.warnings, "\n")
	require.Contains(t, warnings, "mount tracefs: not built into this kernel")
	require.Contains(t, warnings, "mount mqueue on /dev/mqueue: operation not permitted")
	require.Contains(t, warnings, "set sysctl kernel.pid_max")

	link, err := os.Readlink(r + "/dev/disk/by-id/virtio-root")
	require.NoError(t, err)
	require.Equal(t, "../../vda", link)
	oops, err := os.ReadFile(r + "/proc/sys/kernel/panic_on_oops")
	require.NoError(t, err)
	require.Equal(t, "0\n", string(oops))
	loader, err := os.ReadFile(r + "/proc/sys/kernel/modprobe")
	require.NoError(t, err)
	require.Equal(t, "/sbin/modprobe\n", string(loader), "autoloading is back on")
}

func TestFurnishStopsAtRequiredMount(t *testing.T) {
	m, k := fakeMachine(t, furnished)
	k.refuse["mount tmpfs "+m.root+"/run tmpfs 0x6 mode=0755"] = unix.ENODEV
	require.ErrorContains(t, m.furnish(), "mount tmpfs on /run: no such device")
}

func TestResume(t *testing.T) {
	m, k := fakeMachine(t, map[string]string{"sys/block/vdc/serial": "payload"})
	_, err := m.Resume(wire.Resume{Seed: make([]byte, 31)})
	require.ErrorContains(t, err, "seed has 31 bytes")
	require.Empty(t, k.calls, "the payload disk stays closed until a good Resume")

	ready, err := m.Resume(wire.Resume{TimeUnixNS: 5, Seed: make([]byte, 32)})
	require.NoError(t, err)
	require.True(t, ready.Payload)
	require.Equal(t, []string{"clock 5", "entropy 32", "flush /dev/vdc",
		"mount /dev/vdc " + m.root + "/payload ext4 0x1 "}, k.calls)
}

func TestResumeWithoutPayload(t *testing.T) {
	m, _ := fakeMachine(t, nil)
	ready, err := m.Resume(wire.Resume{Seed: make([]byte, 32)})
	require.NoError(t, err)
	require.False(t, ready.Payload)
}

func TestAdvanceClock(t *testing.T) {
	m, k := fakeMachine(t, nil)
	now := time.Now()
	require.NoError(t, m.AdvanceClock(time.Hour))
	var ns int64
	require.Len(t, k.calls, 1)
	_, err := fmt.Sscanf(k.calls[0], "clock %d", &ns)
	require.NoError(t, err)
	require.WithinDuration(t, now.Add(time.Hour), time.Unix(0, ns), time.Minute)
}

// KillAll has the same guard but no test: the test that finds it missing would
// take the machine with it.
func TestKillIsForProcessOneOnly(t *testing.T) {
	require.NotEqual(t, 1, os.Getpid())
	require.ErrorIs(t, process1{}.Kill(os.Getpid()), unix.EPERM)
}

func TestPort(t *testing.T) {
	root := fakeRoot(t, map[string]string{
		"class/virtio-ports/vport1p1/name": "org.other\n",
		"class/virtio-ports/vport1p2/name": "vmtest.0\n",
	})
	require.Equal(t, "vport1p2", findPort(root, portName))
	_, err := await("channel", time.Millisecond, func() string { return findPort(root, "none") })
	require.ErrorContains(t, err, "wait for channel: none after 1ms")
}

func TestSweep(t *testing.T) {
	files := map[string]string{
		"proc/1/stat":  "1 (init) S 0 0 0 0 -1 0",
		"proc/2/stat":  "2 (kthreadd) S 0 0 0 0 -1 2129984",
		"proc/10/stat": "10 (ours) S 1 10 10 0 -1 0",
		"proc/11/stat": "11 (child) S 10 11 11 0 -1 0",
		"proc/20/stat": "20 (theirs) S 1 20 20 0 -1 0",
		"proc/21/stat": "21 (outside) S 1 0 0 0 -1 0",
	}
	tests := []struct {
		name      string
		session   int
		alone     bool
		childless bool
		names     []string
		calls     []string
	}{
		{"beside others", 10, false, false, []string{"child", "ours"}, []string{"kill 10", "kill 11"}},
		{"alone", 10, true, false, []string{"child", "ours", "outside", "theirs"}, []string{"kill all"}},
		{"nothing left", 10, true, true, nil, nil},
		{"session zero is nobody's", 0, false, false, nil, nil},
		{"nor is init's", 1, false, false, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, k := fakeMachine(t, files)
			k.procRoot, k.childless = m.root+"/proc", tt.childless
			require.Equal(t, tt.names, m.Sweep(tt.session, tt.alone))
			require.Equal(t, tt.calls, k.calls)
		})
	}
}
