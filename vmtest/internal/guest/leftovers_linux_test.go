package guest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const cleanMounts = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid shared:2 - proc proc rw
`

// TestInventory: each thing that outlives a process is seen, by name.
func TestInventory(t *testing.T) {
	files := map[string]string{
		"/proc/self/mountinfo":                 cleanMounts,
		"/proc/swaps":                          "Filename\tType\tSize\tUsed\tPriority\n",
		"/sys/fs/cgroup/cgroup.procs":          "1\n",
		"/sys/class/net/lo/ifindex":            "1\n",
		"/sys/kernel/tracing/kprobe_events":    "",
		"/sys/fs/bpf/from-the-boot/map":        "",
		"/sys/kernel/tracing/available_tracer": "nop\n",
	}
	tests := []struct {
		name   string
		change func(t *testing.T, m *machine, k *recorder)
		want   []string
	}{
		{"nothing", func(*testing.T, *machine, *recorder) {}, nil},
		{"mount", appends("/proc/self/mountinfo", "99 22 0:50 / /mnt/a\\040b rw - tmpfs none rw\n"), []string{`mount "/mnt/a\\040b" (tmpfs)`}},
		{"second mount on one place", appends("/proc/self/mountinfo", "99 22 0:50 / /proc rw shared:5 - proc proc rw\n"), []string{"mount /proc (proc)"}},
		{"automount", appends("/proc/self/mountinfo", "99 22 0:50 / /sys/kernel/debug/tracing rw - tracefs tracefs rw\n"), nil},
		{"named network namespace", appends("/proc/self/mountinfo",
			"98 22 0:9 /netns /run/netns rw shared:6 - tmpfs tmpfs rw\n99 98 0:4 net:[4026532281] /run/netns/blue rw shared:7 - nsfs nsfs rw\n"),
			[]string{"network namespace blue"}},
		{"cgroup", makes("/sys/fs/cgroup/a/b/cgroup.procs"), []string{"cgroup /a", "cgroup /a/b"}},
		{"pin", makes("/sys/fs/bpf/counter"), []string{"BPF pin /counter"}},
		{"link", makes("/sys/class/net/veth0/ifindex"), []string{"network link veth0"}},
		{"link of a module", makes("/sys/class/net/tunl0/ifindex"), nil},
		{"file among the links", makes("/sys/class/net/bonding_masters"), nil},
		{"kprobe", appends("/sys/kernel/tracing/kprobe_events", "p:kprobes/mine do_sys_open\n"), []string{"kprobe p:kprobes/mine"}},
		{"uprobe", appends("/sys/kernel/tracing/uprobe_events", "p:uprobes/mine /bin/sh:0x1\n"), []string{"uprobe p:uprobes/mine"}},
		{"swap", appends("/proc/swaps", "/dev/vdd partition 1048572 0 -2\n"), []string{"swap /dev/vdd"}},
		{"program", func(_ *testing.T, _ *machine, k *recorder) { k.programs = []uint32{3, 9} }, []string{"BPF program 9"}},
		{"hostile name", makes("/sys/fs/bpf/\x1b[31m\nred"), []string{`BPF pin "/\x1b[31m\nred"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, k := fakeMachine(t, files)
			k.programs = []uint32{3}
			before := m.Inventory()
			tt.change(t, m, k)
			require.Equal(t, tt.want, m.Inventory().beyond(before))
		})
	}
}

// TestInventoryBesideSystemd: what systemd does meanwhile is not charged.
func TestInventoryBesideSystemd(t *testing.T) {
	m, k := fakeMachine(t, map[string]string{"/proc/self/mountinfo": cleanMounts})
	u := &unit{machine: m}
	before := u.Inventory()
	appends("/proc/self/mountinfo", "98 22 0:50 / /run/user/0 rw - tmpfs tmpfs rw\n"+
		"99 22 0:51 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n")(t, m, k)
	makes("/sys/fs/cgroup/system.slice/x.service/cgroup.procs")(t, m, k)
	require.Empty(t, u.Inventory().beyond(before))
	appends("/proc/self/mountinfo", "97 22 0:52 / /mnt rw - tmpfs none rw\n")(t, m, k)
	makes("/sys/fs/bpf/mine")(t, m, k)
	require.Equal(t, []string{"BPF pin /mine", "mount /mnt (tmpfs)"}, u.Inventory().beyond(before))
}

func appends(path, text string) func(*testing.T, *machine, *recorder) {
	return func(t *testing.T, m *machine, _ *recorder) {
		file, err := os.OpenFile(m.path(path), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		require.NoError(t, err)
		_, err = file.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
}

func makes(path string) func(*testing.T, *machine, *recorder) {
	return func(t *testing.T, m *machine, k *recorder) {
		require.NoError(t, os.MkdirAll(filepath.Dir(m.path(path)), 0o755))
		appends(path, "")(t, m, k)
	}
}

// TestCommandLeavesSomething: what a command leaves is in its exit record; what
// goes by itself in time is not, nor what cannot be told from another's.
func TestCommandLeavesSomething(t *testing.T) {
	h := startSession(t)
	h.stage.marks = t.TempDir()
	require.Equal(t, []string{"mark /a"}, h.sh("touch "+h.stage.marks+"/a").exit.LeftBehind)
	require.Empty(t, h.sh("true").exit.LeftBehind, "charged to whoever left it, once")

	path := filepath.Join(h.stage.marks, "b")
	h.send(wire.TypeRun, 50, me("sh", "-c", "touch "+path))
	go func() {
		for os.Remove(path) != nil {
		}
	}()
	require.Empty(t, h.finish(50).exit.LeftBehind)
}

func TestInventoryIsBounded(t *testing.T) {
	v := inventory{}
	for i := range maxInventory + 10 {
		v.add("cgroup", string(rune('a'+i%26))+filepath.Join("/", string(rune(i+0x4e00))), "")
	}
	require.Len(t, v, maxInventory)
	require.Len(t, v.beyond(inventory{}), maxLeftover)
}
