//go:build vmtest && linux

package minicontainer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

// TestInspect holds reports on containers of several makers against lsns(8)
// and against what the test reads in /proc and in the cgroup file system.
func TestInspect(t *testing.T) {
	b := newBench(t, 0)
	t.Run("own", func(t *testing.T) {
		c := b.start(t, "wait", "--id", "inspected", "--memory", "64M", "--pids", "20", "--cpus", "0.5", "--time-ns", "--time-offset", "boottime=1h")
		require.Equal(t, "ready", c.line(t))
		pid := c.find(t, b)
		r := requireInspection(t, pid, "inspected")
		require.Equal(t, int64(time.Hour), r.TimeOffsets.Boottime)
		require.Equal(t, []string{"user"}, sharedWithHost(r))
		require.Equal(t, map[string]string{"memory.max": "67108864", "pids.max": "20", "cpu.max": "50000 100000"}, set(r, "/mini-container/inspected"))
		keepInspection(t, r, "inspect-own.json")
		require.Equal(t, 0, c.end(t))
		code, _, stderr := inspectProcess(t, 0, "inspected")
		require.Equal(t, 2, code, stderr)
		code, _, stderr = inspectProcess(t, 0, strconv.Itoa(pid))
		require.Equal(t, 2, code)
		require.Equal(t, fmt.Sprintf("mini-container: inspect process %d: no such process\n", pid), stderr)
	})
	t.Run("runc", func(t *testing.T) {
		c := b.startRunc(t)
		require.Equal(t, "ready", c.line(t))
		r := requireInspection(t, b.findAnywhere(t), "")
		require.Equal(t, []string{"time", "user"}, sharedWithHost(r))
		keepInspection(t, r, "inspect-runc.json")
		require.Equal(t, 0, c.end(t))
	})
	t.Run("podman", func(t *testing.T) {
		c := b.startPodman(t)
		require.Equal(t, "ready", c.line(t))
		r := requireInspection(t, b.findAnywhere(t), "")
		require.NotContains(t, sharedWithHost(r), "pid")
		require.Equal(t, "filter", r.Seccomp.Mode)
		keepInspection(t, r, "inspect-podman.json")
		require.Equal(t, 0, c.end(t))
	})
}

// TestInspectRootless: what a user may not see of others is unknown; of his
// own container it is all there.
func TestInspectRootless(t *testing.T) {
	b := newBench(t, 1000)
	c := b.start(t, "wait", "--user-ns")
	require.Equal(t, "ready", c.line(t))
	pid := c.find(t, b)
	r := requireInspection(t, pid, "")
	require.Equal(t, []string{"time"}, sharedWithHost(r))
	require.Equal(t, []inspect.Mapping{{ContainerID: 0, HostID: 1000, Size: 1}}, r.UIDMappings)

	code, stdout, stderr := inspectProcess(t, 1000, strconv.Itoa(pid), "--json")
	require.Equal(t, 0, code, stderr)
	own := decodeInspection(t, stdout)
	require.Equal(t, r.Capabilities, own.Capabilities)
	require.Equal(t, r.Mounts, own.Mounts)
	for i, ns := range own.Namespaces {
		require.Equal(t, r.Namespaces[i].Inode, ns.Inode)
		require.Nil(t, ns.SharedWithInit, "a user cannot see PID 1's")
		require.Contains(t, unknownFields(own), "namespaces."+ns.Type+".shared_with_init")
	}

	code, stdout, stderr = inspectProcess(t, 1000, "1", "--json")
	require.Equal(t, 0, code, stderr)
	foreign := decodeInspection(t, stdout)
	for _, ns := range foreign.Namespaces {
		require.Zero(t, ns.Inode)
		require.Contains(t, unknownFields(foreign), "namespaces."+ns.Type)
	}
	require.Empty(t, foreign.Root)
	require.Contains(t, unknownFields(foreign), "root")
	keepInspection(t, foreign, "inspect-foreign.json")
	require.Equal(t, 0, c.end(t))
}

// inspectProcess runs the executable under test as a user.
func inspectProcess(t *testing.T, uid uint32, args ...string) (code int, stdout []byte, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := exec.Command(executable(t), append([]string{"inspect"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	_ = cmd.Run() // the exit code says it
	return cmd.ProcessState.ExitCode(), out.Bytes(), problems.String()
}

func decodeInspection(t *testing.T, data []byte) *inspect.Report {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	r := &inspect.Report{}
	require.NoError(t, decoder.Decode(r))
	return r
}

// keepInspection leaves a report for the harness to validate.
func keepInspection(t *testing.T, r *inspect.Report, name string) {
	t.Helper()
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(artifact(t, name), data, 0o644))
}

// requireInspection has root inspect a process, by the container's name if
// there is one, and compares with everything that the test sees itself.
func requireInspection(t *testing.T, pid int, name string) *inspect.Report {
	t.Helper()
	code, stdout, stderr := inspectProcess(t, 0, orPID(name, pid), "--json")
	require.Equal(t, 0, code, stderr)
	r := decodeInspection(t, stdout)
	require.Equal(t, pid, r.PID)
	require.Equal(t, name, r.Container)
	requireNamespaceFacts(t, pid, r)
	requireStatusFacts(t, pid, r)
	requireFileFacts(t, pid, r)
	requireLimitFacts(t, pid, r)
	requireDeviceFacts(t, r)
	for _, u := range r.Unknown {
		require.Equal(t, "landlock.restricted", u.Field, "root sees everything else: %s", u.Reason)
	}
	requireDrawing(t, r, orPID(name, pid))
	code, stdout, _ = inspectProcess(t, 0, orPID(name, pid))
	require.Equal(t, 0, code)
	for _, section := range []string{"NAMESPACES", "PRIVILEGES", "CGROUP", "MOUNTS", "RESOURCE LIMITS"} {
		require.Contains(t, string(stdout), "\n"+section+"\n")
	}
	return r
}

// requireDrawing: the diagram claims what the inspection found.
func requireDrawing(t *testing.T, r *inspect.Report, which string) {
	t.Helper()
	drawing, err := exec.Command(executable(t), "diagram", "--svg", which).Output()
	require.NoError(t, err)
	for _, ns := range r.Namespaces {
		relation := map[bool]string{true: "shared", false: "own"}[*ns.SharedWithInit]
		require.Contains(t, string(drawing), fmt.Sprintf(`data-kind="%s" data-inode="%d" data-relation="%s"`, ns.Type, ns.Inode, relation))
	}
}

func orPID(name string, pid int) string {
	if name == "" {
		return strconv.Itoa(pid)
	}
	return name
}

// requireNamespaceFacts: inodes, owners and parents as util-linux finds them.
func requireNamespaceFacts(t *testing.T, pid int, r *inspect.Report) {
	t.Helper()
	out, err := exec.Command("lsns", "--json", "-p", strconv.Itoa(pid), "-o", "NS,TYPE,PNS,ONS").Output()
	require.NoError(t, err)
	var listed struct {
		Namespaces []struct {
			NS, PNS, ONS uint64
			Type         string
		}
	}
	require.NoError(t, json.Unmarshal(out, &listed))
	links, host := namespaceLinks(fmt.Sprintf("/proc/%d", pid)), namespaceLinks("/proc/1")
	require.Len(t, listed.Namespaces, len(links))
	require.Len(t, r.Namespaces, len(links))
	for _, l := range listed.Namespaces {
		i := slices.IndexFunc(r.Namespaces, func(ns inspect.Namespace) bool { return ns.Type == l.Type })
		require.GreaterOrEqual(t, i, 0, l.Type)
		ns := r.Namespaces[i]
		require.Equal(t, l.NS, ns.Inode, l.Type)
		require.Equal(t, l.ONS, ns.Owner, "owner of %s", l.Type)
		require.Equal(t, l.PNS, ns.Parent, "parent of %s", l.Type)
		require.Equal(t, links[l.Type], fmt.Sprintf("%s:[%d]", l.Type, ns.Inode))
		require.Equal(t, links[l.Type] == host[l.Type], *ns.SharedWithInit, l.Type)
		require.Equal(t, *ns.SharedWithInit, *ns.SharedWithCaller, "this test is in PID 1's")
	}
}

func requireStatusFacts(t *testing.T, pid int, r *inspect.Report) {
	t.Helper()
	status := statusFields(fmt.Sprintf("/proc/%d", pid))
	for field, set := range map[string]string{
		"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapBnd": "bounding", "CapAmb": "ambient",
	} {
		require.Equal(t, decodeCapabilities(t, status[field]), r.Capabilities[set], set)
	}
	require.Equal(t, status["NoNewPrivs"] == "1", r.NoNewPrivs)
	require.Equal(t, map[string]string{"0": "disabled", "2": "filter"}[status["Seccomp"]], r.Seccomp.Mode)
	require.Equal(t, statusField(pid, "Seccomp_filters"), []string{strconv.Itoa(*r.Seccomp.Filters)})
	require.Equal(t, statusField(pid, "Uid"), []string{fmt.Sprint(r.UIDs.Real), fmt.Sprint(r.UIDs.Effective), fmt.Sprint(r.UIDs.Saved), fmt.Sprint(r.UIDs.Filesystem)})
	require.Equal(t, strings.Join(statusField(pid, "NSpid"), " "), strings.Trim(fmt.Sprint(r.PIDs), "[]"))
}

// decodeCapabilities has the names from the kernel's header.
func decodeCapabilities(t *testing.T, mask string) []string {
	t.Helper()
	bits, err := strconv.ParseUint(mask, 16, 64)
	require.NoError(t, err)
	names := []string{}
	for bit, name := range strings.Fields(kernelCapabilities) {
		if bits>>bit&1 == 1 {
			names = append(names, "CAP_"+name)
		}
	}
	return names
}

// kernelCapabilities is include/uapi/linux/capability.h, in order.
const kernelCapabilities = `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`

func requireFileFacts(t *testing.T, pid int, r *inspect.Report) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d", pid)
	lines := []string{}
	for _, m := range r.Mounts {
		optional := strings.Join(m.Propagation, " ") + " "
		if optional == "private " {
			optional = ""
		}
		lines = append(lines, fmt.Sprintf("%d %d %s %s %s %s %s- %s %s %s", m.ID, m.Parent, m.Device, m.Root, m.Target,
			strings.Join(m.Options, ","), optional, m.Type, m.Source, strings.Join(m.SuperOptions, ",")))
	}
	require.Equal(t, readLines(dir+"/mountinfo"), lines)
	var ids []string
	for _, m := range r.UIDMappings {
		ids = append(ids, fmt.Sprint(m.ContainerID), fmt.Sprint(m.HostID), fmt.Sprint(m.Size))
	}
	require.Equal(t, strings.Fields(readText(dir+"/uid_map")), ids)
	require.Equal(t, readText(dir+"/cmdline"), strings.Join(r.Command, "\x00")+"\x00")
	require.Len(t, r.Rlimits, len(readLines(dir+"/limits"))-1)
	for _, l := range r.Rlimits {
		require.Contains(t, strings.Join(strings.Fields(readText(dir+"/limits")), " "), strings.TrimSpace(strings.Join([]string{"Max", l.Resource, l.Soft, l.Hard, l.Unit}, " ")))
	}
	label, err := os.ReadFile(dir + "/attr/current")
	require.Equal(t, err == nil && len(label) > 0, r.LSM.Labelled)
	require.Equal(t, strings.TrimRight(string(label), "\x00\n"), r.LSM.Label)
}

// requireLimitFacts reads each file that a limit names.
func requireLimitFacts(t *testing.T, pid int, r *inspect.Report) {
	t.Helper()
	require.Equal(t, "0::"+r.Cgroup.Path, strings.TrimSpace(readText(fmt.Sprintf("/proc/%d/cgroup", pid))))
	for _, l := range r.Cgroup.Limits {
		own := strings.TrimSpace(readText(filepath.Join("/sys/fs/cgroup", r.Cgroup.Path, l.File)))
		require.Equal(t, own, l.Own, l.File)
		if strings.HasPrefix(l.File, "cpuset.") {
			require.Equal(t, strings.TrimSpace(readText(filepath.Join("/sys/fs/cgroup", l.SetBy, l.File+".effective"))), l.Effective)
		} else if l.SetBy != "" {
			require.Equal(t, strings.TrimSpace(readText(filepath.Join("/sys/fs/cgroup", l.SetBy, l.File))), l.Effective, l.File)
		}
	}
}

func sharedWithHost(r *inspect.Report) []string {
	var kinds []string
	for _, ns := range r.Namespaces {
		if *ns.SharedWithInit {
			kinds = append(kinds, ns.Type)
		}
	}
	return kinds
}

// set is the limits that a cgroup itself has, but for cpusets.
func set(r *inspect.Report, cgroup string) map[string]string {
	limits := map[string]string{}
	for _, l := range r.Cgroup.Limits {
		if l.SetBy == cgroup && !strings.HasPrefix(l.File, "cpuset.") {
			limits[l.File] = l.Effective
		}
	}
	return limits
}

func unknownFields(r *inspect.Report) []string {
	var names []string
	for _, u := range r.Unknown {
		names = append(names, u.Field)
	}
	return names
}

// findAnywhere finds the probe of a container that somebody else made.
func (b *bench) findAnywhere(t *testing.T) int {
	t.Helper()
	for _, name := range numeric("/proc") {
		if pid, _ := strconv.Atoi(name); b.isProbe(pid) {
			return pid
		}
	}
	require.Fail(t, "no process of the probe")
	return 0
}

// startRunc runs the probe in a container that runc makes of its own example.
func (b *bench) startRunc(t *testing.T) *contained {
	t.Helper()
	bundle := filepath.Join(b.base, "bundle")
	require.NoError(t, os.MkdirAll(bundle, 0o755))
	out, err := exec.Command("runc", "spec", "--bundle", bundle).CombinedOutput()
	require.NoError(t, err, string(out))
	data, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	require.NoError(t, err)
	var spec specs.Spec
	require.NoError(t, json.Unmarshal(data, &spec))
	spec.Root.Path, spec.Root.Readonly, spec.Process.Terminal = b.rootfs, false, false
	spec.Process.Args, spec.Process.Env = []string{"/bin/probe"}, []string{probeEnv + "=wait"}
	data, err = json.Marshal(spec)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bundle, "config.json"), data, 0o644))
	return (&contained{cmd: exec.Command("runc", "run", "--bundle", bundle, b.word())}).begin(t)
}

// startPodman runs the probe in a container of podman's, without an image.
func (b *bench) startPodman(t *testing.T) *contained {
	t.Helper()
	root := filepath.Join(b.base, "podman")
	t.Cleanup(func() { tidyPodman(t, root) })
	return (&contained{cmd: exec.Command("podman", "--root", filepath.Join(root, "storage"), "--runroot", filepath.Join(root, "run"),
		"--cgroup-manager", "cgroupfs", "--events-backend", "none", "run", "--rm", "-i", "--network", "none", "--log-driver", "none",
		"--env", probeEnv+"=wait", "--rootfs", b.rootfs, "/bin/probe")}).begin(t)
}

// tidyPodman waits for what podman starts at a container's end, and takes away
// what it keeps for the next one.
func tidyPodman(t *testing.T, root string) {
	busy := func() bool {
		return slices.ContainsFunc(numeric("/proc"), func(pid string) bool {
			return strings.Contains(readText("/proc/"+pid+"/cmdline"), root)
		})
	}
	require.Eventually(t, func() bool { return !busy() }, patience, patience/100)
	for _, dir := range []string{"libpod_parent/conmon", "libpod_parent"} {
		require.NoError(t, os.Remove(filepath.Join("/sys/fs/cgroup", dir)))
	}
	exec.Command("umount", "-R", filepath.Join(root, "storage/overlay")).Run() // not every version mounts it
}
