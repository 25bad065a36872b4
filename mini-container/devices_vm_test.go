//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// askedDevices are asked for in TestDevices. Most have no driver: what the
// filter lets through the kernel answers with ENXIO, and that is enough.
var askedDevices = []string{
	"c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 1:12", "c 5:0", "c 5:1", "c 5:2", "c 136:99", "c 137:0",
	"c 200:7", "c 200:8", "c 201:7", "b 200:7", "b 200:8", "b 1:3", "b 201:0", "c 4095:1048575",
}

// askDevices makes a node for each device and opens it in three ways. It names
// the permissions that the device filter refuses: only it says EPERM.
func askDevices(list string) string {
	refused := map[string]string{}
	for i, device := range strings.Split(list, ",") {
		kind, major, minor := parseDevice(device)
		path := fmt.Sprintf("/nodes/%d", i)
		bits := ""
		if unix.Mknod(fmt.Sprintf("/dev/shm/%d", i), kind|0o666, int(unix.Mkdev(major, minor))) == unix.EPERM {
			bits += "m"
		}
		for _, mode := range []struct {
			name  string
			flags int
		}{{"r", unix.O_RDONLY}, {"w", unix.O_WRONLY}, {"b", unix.O_RDWR}} {
			fd, err := unix.Open(path, mode.flags|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
			if err == nil {
				unix.Close(fd)
			}
			if err == unix.EPERM {
				bits += mode.name
			}
		}
		refused[device] = bits
	}
	text, _ := json.Marshal(refused)
	return string(text)
}

func parseDevice(device string) (kind, major, minor uint32) {
	var letter string
	fmt.Sscanf(strings.Replace(device, ":", " ", 1), "%s %d %d", &letter, &major, &minor)
	return map[string]uint32{"b": unix.S_IFBLK, "c": unix.S_IFCHR}[letter], major, minor
}

// TestDevices asks the kernel of a real filter about the product of rules and
// devices, made inside and found there.
func TestDevices(t *testing.T) {
	usual := map[string]bool{
		"c 1:3": true, "c 1:5": true, "c 1:7": true, "c 1:8": true, "c 1:9": true, "c 5:0": true, "c 5:2": true, "c 136:99": true,
	}
	b := newBench(t, 0)
	nodes := b.deviceNodes(t)
	tests := []struct {
		name  string
		rules []string
		want  map[string]string // what is refused, for devices that are not usual; "" is for all others
	}{
		{"none", nil, map[string]string{"": "rwb"}},
		{"one", []string{"c 200:7 rw"}, map[string]string{"": "rwb", "c 200:7": ""}},
		{"read alone", []string{"c 200:* r"}, map[string]string{"": "rwb", "c 200:7": "wb", "c 200:8": "wb"}},
		{"a later one wins", []string{"a *:* rwm", "deny c 200:* w", "c 200:8 w"}, map[string]string{"": "", "c 200:7": "wb"}},
		{"an earlier one does not", []string{"c 200:8 w", "deny c 200:* rw"}, map[string]string{"": "rwb"}},
		{"both types", []string{"allow a 200:7 rwm"}, map[string]string{"": "rwb", "c 200:7": "", "b 200:7": ""}},
		{"no nodes of these", []string{"deny b *:* m", "b *:* r"}, map[string]string{"": "rwb", "b 200:7": "wb", "b 200:8": "wb", "b 1:3": "wb", "b 201:0": "wb"}},
		{"everything denied", []string{"a *:* rwm", "deny a *:* rwm"}, map[string]string{"": "rwb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			flags := []string{"--cap-add", "mknod", "--bind", nodes + ":/nodes:dev", "--report", artifact(t, "devices.json")}
			for _, rule := range tt.rules {
				flags = append(flags, "--device-rule", rule)
			}
			c := b.start(t, "ask:"+strings.Join(askedDevices, ","), flags...)
			got := map[string]string{}
			require.NoError(t, json.Unmarshal([]byte(c.line(t)), &got))
			require.Equal(t, 0, c.end(t))
			want := map[string]string{}
			for _, device := range askedDevices {
				refused, listed := tt.want[device]
				if !listed {
					refused = tt.want[""]
				}
				if usual[device] {
					refused = ""
				}
				want[device] = refused
			}
			require.Equal(t, want, got)
			r := readReport(t, artifact(t, "devices.json"))
			require.True(t, r.DeviceFilter.Attached)
			require.Empty(t, r.DeviceFilter.Reason)
		})
	}
}

// deviceNodes is a directory of the host with a node of each device.
func (b *bench) deviceNodes(t *testing.T) string {
	dir := filepath.Join(b.base, "nodes")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for i, device := range askedDevices {
		kind, major, minor := parseDevice(device)
		path := filepath.Join(dir, strconv.Itoa(i))
		require.NoError(t, unix.Mknod(path, kind|0o666, int(unix.Mkdev(major, minor))))
		require.NoError(t, os.Chmod(path, 0o666))
	}
	return dir
}

// TestDeviceUpdate: other rules take the place of those that hold, in a
// container that runs, and the program goes when the cgroup does, also if
// nobody is left to take it away.
func TestDeviceUpdate(t *testing.T) {
	b := newBench(t, 0)
	nodes := b.deviceNodes(t)
	before := devicePrograms(t)
	t.Cleanup(b.killProbes)
	id := b.detach(t, "stay", "--bind", nodes+":/nodes:dev", "--device-rule", "c 200:7 rw")
	require.Len(t, attachedPrograms(t, "/mini-container/"+id), 1)
	for _, step := range []struct {
		rule string
		want string
	}{{"", ""}, {"c 200:8 r", "rwb"}, {"c 200:* r", "wb"}, {"a *:* rwm", ""}} {
		if step.rule != "" {
			b.command(t, 0, "update", id, "--device-rule", step.rule)
		}
		require.Len(t, attachedPrograms(t, "/mini-container/"+id), 1, "the old rules hold too")
		e := b.exec(t, id, "ask:"+strings.Join(askedDevices, ","))
		got := map[string]string{}
		require.NoError(t, json.Unmarshal([]byte(e.line(t)), &got))
		require.Equal(t, 0, e.end(t))
		require.Equal(t, step.want, strings.TrimPrefix(got["c 200:7"], "m"), step.rule)
		require.Equal(t, "m", got["c 1:3"], "the usual devices stay; a node takes CAP_MKNOD")
	}
	b.command(t, 2, "update", id, "--device-rule", "x 1:2 r")
	require.NoError(t, unix.Kill(b.listed(t, id).SupervisorPID, unix.SIGKILL))
	eventually(t, "its state stays", func() bool { b.collect(); return gone(stateRoot + "/" + id)() })
	eventually(t, "a program is left", func() bool { return maps.Equal(before, devicePrograms(t)) })
}

// TestManyDeviceRules: the verifier reads as many as are allowed.
func TestManyDeviceRules(t *testing.T) {
	b := newBench(t, 0)
	var flags []string
	for i := range 1000 {
		flags = append(flags, "--device-rule", fmt.Sprintf("%s %s %d:%d %s", []string{"allow", "deny"}[i%2], []string{"a", "b", "c"}[i%3],
			i%7, i%11, []string{"r", "w", "m", "rw", "rwm"}[i%5]))
	}
	c := b.start(t, "exit:0", flags...)
	require.Equal(t, 0, c.end(t), "stderr: %s", &c.stderr)
	c = b.start(t, "exit:0", append(flags, "--device-rule", "a *:* r")...)
	require.Equal(t, 2, c.end(t))
	require.Contains(t, c.stderr.String(), "more than 1000")
}

// TestDevicesWithoutFilter: who cannot have one is told, and does not run if
// there were rules.
func TestDevicesWithoutFilter(t *testing.T) {
	b := newBench(t, 1000)
	report := b.base + "/no-devices.json"
	c := b.start(t, "exit:0", "--user-ns", "--report", report)
	require.Equal(t, 0, c.end(t), "stderr: %s", &c.stderr)
	keep(t, report)
	r := readReport(t, report)
	require.False(t, r.DeviceFilter.Attached)
	require.Contains(t, r.DeviceFilter.Reason, "attach device filter: ")
	c = b.start(t, "exit:0", "--user-ns", "--device-rule", "c 200:7 r")
	require.Equal(t, 4, c.end(t))
}

func attachedPrograms(t *testing.T, path string) []link.AttachedProgram {
	t.Helper()
	dir, err := os.Open(filepath.Join(hierarchy, path))
	require.NoError(t, err)
	defer dir.Close()
	all, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: ebpf.AttachCGroupDevice})
	require.NoError(t, err)
	return all.Programs
}

// devicePrograms asks the kernel for all that there are on the machine.
func devicePrograms(t *testing.T) map[ebpf.ProgramID]bool {
	t.Helper()
	all := map[ebpf.ProgramID]bool{}
	for id, err := ebpf.ProgramGetNextID(0); err == nil; id, err = ebpf.ProgramGetNextID(id) {
		program, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue
		}
		if program.Type() == ebpf.CGroupDevice {
			all[id] = true
		}
		program.Close()
	}
	return all
}
