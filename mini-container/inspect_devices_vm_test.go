//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

// Flags of BPF_PROG_ATTACH: a program below replaces this one, or joins it.
const (
	allowOverride = 1 << 0
	allowMulti    = 1 << 1
)

// queryDevices asks with bpf(2) itself which programs a cgroup has.
func queryDevices(t *testing.T, cgroup string, flags uint32) []uint32 {
	t.Helper()
	dir, err := os.Open(cgroup)
	require.NoError(t, err)
	defer dir.Close()
	ids := make([]uint32, 64)
	attr := struct {
		target, attach, flags, attachFlags uint32
		ids                                *uint32
		count, _                           uint32
	}{target: uint32(dir.Fd()), attach: uint32(ebpf.AttachCGroupDevice), flags: flags, ids: &ids[0], count: uint32(len(ids))}
	_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_QUERY, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(ids)
	require.Zero(t, errno, cgroup)
	return ids[:attr.count]
}

// requireDeviceFacts: the programs of each cgroup on the way up, as the test
// finds them.
func requireDeviceFacts(t *testing.T, r *inspect.Report) {
	t.Helper()
	effective := queryDevices(t, filepath.Join("/sys/fs/cgroup", r.Cgroup.Path), unix.BPF_F_QUERY_EFFECTIVE)
	want := []inspect.DeviceProgram{}
	for path := r.Cgroup.Path; ; path = filepath.Dir(path) {
		for _, id := range queryDevices(t, filepath.Join("/sys/fs/cgroup", path), 0) {
			name, tag := programFacts(t, id)
			want = append(want, inspect.DeviceProgram{ID: id, Name: name, Tag: tag, Cgroup: path, Effective: slices.Contains(effective, id)})
		}
		if path == "/" {
			break
		}
	}
	require.Equal(t, want, r.Cgroup.DevicePrograms)
}

// programFacts has the tag from where procfs shows it.
func programFacts(t *testing.T, id uint32) (name, tag string) {
	t.Helper()
	program, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	require.NoError(t, err)
	defer program.Close()
	info, err := program.Info()
	require.NoError(t, err)
	for _, line := range readLines(fmt.Sprintf("/proc/self/fdinfo/%d", program.FD())) {
		if text, found := strings.CutPrefix(line, "prog_tag:"); found {
			tag = strings.TrimSpace(text)
		}
	}
	require.Len(t, tag, 16)
	return info.Name, tag
}

// attachDevices lets everything pass in a cgroup, until the test ends.
func attachDevices(t *testing.T, cgroup, name string, flags uint32) {
	t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.CGroupDevice, AttachType: ebpf.AttachCGroupDevice, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
	})
	require.NoError(t, err)
	dir, err := os.Open(cgroup)
	require.NoError(t, err)
	require.NoError(t, link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: int(dir.Fd()), Program: program, Attach: ebpf.AttachCGroupDevice, Flags: flags,
	}))
	t.Cleanup(func() {
		require.NoError(t, link.RawDetachProgram(link.RawDetachProgramOptions{Target: int(dir.Fd()), Program: program, Attach: ebpf.AttachCGroupDevice}))
		dir.Close()
		program.Close()
	})
}

// shownPrograms is "name at cgroup", with "!" for those that are not asked.
func shownPrograms(r *inspect.Report) (shown []string) {
	for _, p := range r.Cgroup.DevicePrograms {
		text := p.Name + " at " + p.Cgroup
		if !p.Effective {
			text = "!" + text
		}
		shown = append(shown, text)
	}
	return shown
}

// TestInspectDevices: our filter, those of cgroups above, one that is
// replaced, and what those see who may not ask.
func TestInspectDevices(t *testing.T) {
	b := newBench(t, 0)
	t.Run("ours", func(t *testing.T) {
		attachDevices(t, "/sys/fs/cgroup", "above", allowMulti)
		c := b.start(t, "wait", "--id", "filtered")
		require.Equal(t, "ready", c.line(t))
		r := requireInspection(t, c.find(t, b), "filtered")
		require.Equal(t, []string{"mc_devices at /mini-container/filtered", "above at /"}, shownPrograms(r))
		keepInspection(t, r, "inspect-devices.json")
		_, text, _ := inspectProcess(t, 0, "filtered")
		require.Regexp(t, `mc_devices +\d+ +[0-9a-f]{16} +/mini-container/filtered +yes\n`, string(text))

		code, stdout, stderr := inspectProcess(t, 1000, strconv.Itoa(c.find(t, b)), "--json")
		require.Equal(t, 0, code, stderr)
		foreign := decodeInspection(t, stdout)
		require.Nil(t, foreign.Cgroup.DevicePrograms)
		at := slices.IndexFunc(foreign.Unknown, func(u inspect.Unknown) bool { return u.Field == "cgroup.device_programs" })
		require.GreaterOrEqual(t, at, 0)
		require.Contains(t, foreign.Unknown[at].Reason, "CAP_NET_ADMIN")
		require.Equal(t, 0, c.end(t))
	})
	t.Run("replaced", func(t *testing.T) {
		outer, inner, pid := b.sleeper(t)
		attachDevices(t, outer, "", allowOverride)
		attachDevices(t, inner, "winner", allowOverride)
		r := requireInspection(t, pid, "")
		root := strings.TrimPrefix(outer, "/sys/fs/cgroup")
		require.Equal(t, []string{"winner at " + root + "/inner", "! at " + root}, shownPrograms(r))
	})
	t.Run("above a cgroup namespace", func(t *testing.T) {
		outer, inner, pid := b.sleeper(t)
		attachDevices(t, outer, "hidden", allowMulti)
		attachDevices(t, inner, "seen", allowMulti)
		command := fmt.Sprintf("exec %s inspect --json %d", executable(t), pid)
		within := func(script string) *inspect.Report {
			cmd := exec.Command("sh", "-c", `echo $$ > "$0/cgroup.procs" && exec unshare -C -m sh -c "$1"`, inner, script)
			out, err := cmd.Output()
			require.NoError(t, err)
			return decodeInspection(t, out)
		}
		require.Equal(t, []string{"seen at /", "hidden at "}, shownPrograms(within("mount -t cgroup2 none /sys/fs/cgroup && "+command)))
		r := within(command)
		require.Nil(t, r.Cgroup.Limits, "what is mounted at /sys/fs/cgroup is not this namespace's")
		require.Subset(t, unknownFields(r), []string{"cgroup.limits", "cgroup.device_programs"})
	})
}

// sleeper is a process in a cgroup below another.
func (b *bench) sleeper(t *testing.T) (outer, inner string, pid int) {
	t.Helper()
	outer = filepath.Join("/sys/fs/cgroup", b.word())
	inner = filepath.Join(outer, "inner")
	require.NoError(t, os.MkdirAll(inner, 0o755))
	sleep := exec.Command("sleep", "1000")
	require.NoError(t, sleep.Start())
	t.Cleanup(func() {
		sleep.Process.Kill()
		sleep.Wait()
		require.NoError(t, os.Remove(inner))
		require.NoError(t, os.Remove(outer))
	})
	require.NoError(t, os.WriteFile(filepath.Join(inner, "cgroup.procs"), []byte(strconv.Itoa(sleep.Process.Pid)), 0))
	eventually(t, "it does not sleep", func() bool { return readText(fmt.Sprintf("/proc/%d/cmdline", sleep.Process.Pid)) != "" })
	return outer, inner, sleep.Process.Pid
}
