//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/record"
)

// recordings are runs that differ in what they need.
var recordings = []struct {
	name     string
	uid      uint32
	needs    func(facts) bool // of the kernel; nil for nothing
	flags    []string
	terminal bool // the caller has one
	detached bool
	prepare  func(t *testing.T) (flags []string)
}{
	{name: "limits", flags: []string{"--memory", "64M", "--pids", "30", "--read-only", "--oom-score-adj", "500", "--init", "--user", "1000:1000"}},
	{name: "user namespace", flags: []string{"--user-ns", "--uid-map", "0:0:65536", "--gid-map", "0:0:65536", "--time-ns", "--time-offset", "boottime=1h"}},
	{name: "network", flags: []string{"--network", "bridge", "--nat", "--new-privs", "--overlay", "--bind", "/usr:/mnt:ro", "--sysctl", "net.ipv4.ip_forward=1"}},
	{name: "rootless", uid: 1000, flags: []string{"--user-ns", "--workdir", "/bin"}},
	{name: "new mounts", needs: func(f facts) bool { return f.mountSetattr }, flags: []string{"--bind", "/usr:/mnt:rro"}},
	{
		name: "idmapped root", needs: func(f facts) bool { return f.idmapTmpfs }, // on which the rootfs lies
		flags: []string{"--user-ns", "--uid-map", "0:0:65536", "--gid-map", "0:0:65536", "--idmap-root"},
	},
	{name: "landlock", needs: func(f facts) bool { return f.landlock }, flags: []string{"--landlock-read", "/", "--landlock-exec", "/"}},
	{name: "terminal", flags: []string{"-t", "--user", "1234:55"}, terminal: true},
	{name: "terminal in a user namespace", flags: []string{"-t", "--user-ns"}, terminal: true},
	{name: "detached", detached: true},
	{name: "detached, with a terminal", flags: []string{"-t"}, detached: true},
	{name: "apparmor", prepare: func(t *testing.T) []string {
		name := fmt.Sprintf("explained-%d", os.Getpid())
		loadProfile(t, name)
		return []string{"--apparmor", name}
	}},
}

// facts are what the kernel has, by asking it and not for its version.
type facts struct {
	mountSetattr bool // since 5.12
	landlock     bool // since 5.13, where it is on
	idmapTmpfs   bool // since 6.3
}

func kernelFacts(t *testing.T) facts {
	t.Helper()
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	return facts{
		mountSetattr: unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{}) != unix.ENOSYS,
		landlock:     errno == 0,
		idmapTmpfs:   idmapsTmpfs(t),
	}
}

// idmapsTmpfs tries it.
func idmapsTmpfs(t *testing.T) bool {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	holder := exec.Command("sleep", "1000")
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 65536}}
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
	require.NoError(t, holder.Start())
	defer func() { holder.Process.Kill(); holder.Wait() }()
	userns, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid))
	require.NoError(t, err)
	defer userns.Close()
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	require.NoError(t, err)
	defer unix.Close(tree)
	return unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns.Fd())}) == nil
}

// onlyWhere is on which kernels a step is taken, or makes a call, if not on
// all. There it must be seen, and elsewhere it must not.
var onlyWhere = map[string]func(facts) bool{
	"clone mount":            func(f facts) bool { return !f.mountSetattr }, // to seal our own executable
	"clone move_mount":       func(f facts) bool { return !f.mountSetattr },
	"clone execve":           func(facts) bool { return false }, // of newuidmap(1), see TestSubordinateIDs
	"idmapped-mounts":        func(f facts) bool { return f.idmapTmpfs },
	"landlock":               func(f facts) bool { return f.landlock },
	"bind-rootfs move_mount": func(f facts) bool { return f.idmapTmpfs }, // of an idmapped root
}

// requireAllSeen: over all recordings each step was taken and each of its calls
// made, where this kernel has it, and only there.
func requireAllSeen(t *testing.T, f facts, taken map[string]bool, seen map[string][]string) {
	t.Helper()
	wanted := func(what string) bool { return onlyWhere[what] == nil || onlyWhere[what](f) }
	var missing, unwanted []string
	note := func(what string, seen bool) {
		if seen && !wanted(what) {
			unwanted = append(unwanted, what)
		} else if !seen && wanted(what) {
			missing = append(missing, what)
		}
	}
	for _, s := range minicontainer.Steps() {
		note(s.Name, taken[s.Name])
		for _, call := range s.Calls {
			if wanted(s.Name) {
				note(s.Name+" "+call, slices.Contains(seen[s.Name], call))
			}
		}
	}
	require.Empty(t, missing, "no run has them, and this kernel can")
	require.Empty(t, unwanted, "they are for other kernels")
}

// TestExplain holds recordings against what strace(1) shows of the same run,
// and the lists that explain prints against the recordings.
func TestExplain(t *testing.T) {
	listed, seen, takenAtAll := map[string][]string{}, map[string][]string{}, map[string]bool{}
	for _, s := range minicontainer.Steps() {
		listed[s.Name] = s.Calls
	}
	kernel := kernelFacts(t)
	for _, tt := range recordings {
		if tt.needs != nil && !tt.needs(kernel) {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.uid)
			flags := tt.flags
			if tt.prepare != nil {
				flags = append(flags, tt.prepare(t)...)
			}
			if tt.uid == 0 { // others have no state directory here
				flags = append([]string{"--id", "told"}, flags...)
			}
			once := b.once
			if tt.terminal {
				once = b.onceInTerminal
			}
			if tt.detached {
				once = b.onceDetached
			}
			once(t, nil, flags...) // makes what stays: mount points, the parent cgroup
			trace := filepath.Join(b.base, "trace")
			once(t, []string{"strace", "-f", "-y", "-qq", "-s", "4096", "-o", trace}, flags...)
			told, report := filepath.Join(b.base, "told.json"), filepath.Join(b.base, "report.json")
			once(t, nil, append(flags, "--explain-json", told, "--report", report)...)

			e := readExplanation(t, told)
			require.Zero(t, e.Recorded.ExitCode)
			// The helper that holds id maps is killed wherever it stands.
			raced := slices.Contains(tt.flags, "--idmap-root")
			require.Equal(t, uncounted(essenceOfTrace(readLines(trace)), raced), uncounted(essenceOfRecording(e.Recorded.Calls), raced))
			// The last steps come after the child's last word to the report.
			taken := slices.DeleteFunc(explainedNames(e.Steps), func(name string) bool { return slices.Contains([]string{"landlock", "rlimits", "seccomp"}, name) })
			require.ElementsMatch(t, takenNames(readReport(t, report).Steps), taken)
			require.True(t, inOrder(e.Steps), "steps in another order than explain lists")
			noteCalls(t, e.Recorded.Calls, listed, seen)
			for _, name := range explainedNames(e.Steps) {
				takenAtAll[name] = true
			}
			switch tt.name {
			case "limits":
				require.NoError(t, os.WriteFile(artifact(t, "explain.json"), []byte(readText(told)), 0o644))
			case "apparmor":
				requireWrite(t, e.Recorded.Calls, "apparmor", "/attr/")
			}
		})
	}
	requireAllSeen(t, kernel, takenAtAll, seen)
}

// requireWrite: a step that only writes to procfs is in the recording with what
// it wrote to.
func requireWrite(t *testing.T, calls []minicontainer.RecordedCall, step, path string) {
	t.Helper()
	require.True(t, slices.ContainsFunc(calls, func(c minicontainer.RecordedCall) bool {
		return c.Step == step && c.Group == record.Proc && strings.Contains(c.Arguments[0], path)
	}), "%s wrote nothing to %s", step, path)
}

// once runs the probe to its end, below another program if wrapper names one.
func (b *bench) once(t *testing.T, wrapper []string, flags ...string) {
	t.Helper()
	cmd := b.wrapped(t, wrapper, flags)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: b.uid, Gid: b.uid}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func (b *bench) wrapped(t *testing.T, wrapper, flags []string) *exec.Cmd {
	t.Helper()
	args := slices.Concat(wrapper, []string{executable(t), "run", "--rootfs", b.rootfs, "--env", probeEnv + "=exit:0"}, flags, []string{"--", "/bin/probe"})
	return exec.Command(args[0], args[1:]...)
}

// onceInTerminal is once where the caller has a terminal.
func (b *bench) onceInTerminal(t *testing.T, wrapper []string, flags ...string) {
	t.Helper()
	outside := newPTY(t)
	cmd := b.wrapped(t, wrapper, flags)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = outside.slave, outside.slave, outside.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Run(); err != nil {
		outside.write(t, "the end\r") // and its echo
		require.NoError(t, err, outside.until(t, "the end"))
	}
}

// onceDetached is what run --detach starts, to its end: how a supervisor comes
// to be in the background makes no container.
func (b *bench) onceDetached(t *testing.T, wrapper []string, flags ...string) {
	t.Helper()
	ready, said, err := os.Pipe()
	require.NoError(t, err)
	defer ready.Close()
	cmd := b.wrapped(t, wrapper, append([]string{"--detach", "--supervise"}, flags...))
	cmd.ExtraFiles = []*os.File{said}
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	said.Close()
	answer, err := io.ReadAll(ready)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "%s", answer)
	require.JSONEq(t, `{"id": "told"}`, string(answer))
	b.command(t, 0, "delete", "told")
}

func readExplanation(t *testing.T, path string) minicontainer.Explanation {
	t.Helper()
	var e minicontainer.Explanation
	require.NoError(t, json.Unmarshal([]byte(readText(path)), &e))
	require.NotNil(t, e.Recorded)
	return e
}

func takenNames(steps []minicontainer.StepTiming) (names []string) {
	for _, s := range steps {
		names = append(names, s.Step)
	}
	return names
}

func explainedNames(steps []minicontainer.ExplainedStep) (names []string) {
	for _, s := range steps {
		names = append(names, s.Step)
	}
	return names
}

// inOrder: configure comes before the child's steps, which it spans.
func inOrder(taken []minicontainer.ExplainedStep) bool {
	at := 0
	for _, s := range minicontainer.Steps() {
		if at < len(taken) && taken[at].Step == s.Name {
			at++
		}
	}
	return at == len(taken)
}

// noteCalls requires that each process makes the calls of a step in the order
// in which they are listed, and no others.
func noteCalls(t *testing.T, calls []minicontainer.RecordedCall, listed, seen map[string][]string) {
	t.Helper()
	last, first := map[string]int{}, map[string]bool{}
	for _, c := range calls {
		if c.Undo || c.Step == "" || c.Call == "write" {
			continue
		}
		at := slices.Index(listed[c.Step], c.Call)
		require.GreaterOrEqual(t, at, 0, "%s makes %s, which explain does not list", c.Step, c.Call)
		who := c.Step + c.By
		if key := who + c.Call; !first[key] {
			first[key] = true
			if c.By == minicontainer.ByChild && c.Call != "mkdirat" { // which comes where a mount point is missing
				require.GreaterOrEqual(t, at, last[who], "%s makes %s later than listed", c.Step, c.Call)
				last[who] = at
			}
		}
		seen[c.Step] = append(seen[c.Step], c.Call)
	}
}

// The groups whose calls must be the same.
var comparedGroups = []string{record.Mount, record.Namespace, record.Credential}

// quietTraces are calls that only ask, name a thread, or start one.
var quietTraces = regexp.MustCompile(`^prctl\(PR_(SET_VMA|SET_NAME|CAPBSET_READ|GET_)|CLONE_THREAD`)

var (
	traced     = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	literals   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	flagWords  = regexp.MustCompile(`\b(MS|MNT|UMOUNT|CLONE|OPEN_TREE|FSOPEN|FSCONFIG|FSMOUNT|MOVE_MOUNT|AT)_[A-Z_0-9]+`)
	digits     = regexp.MustCompile(`\d+`)
	decoration = regexp.MustCompile(`<[^<>"]*>`)
	wroteTo    = regexp.MustCompile(`^\d+<(/sys/fs/cgroup/[^>]*)>, (".*")`)
)

// essenceOfTrace is what strace has seen up to each process's execve of
// another program than ours.
func essenceOfTrace(lines []string) []string {
	var all []string
	foreign, begun := map[string]bool{}, false
	for _, line := range lines {
		parts := traced.FindStringSubmatch(line)
		if parts == nil || foreign[parts[1]] {
			continue
		}
		name, args := parts[2], parts[3]
		if name == "execve" {
			foreign[parts[1]], begun = begun, true
			continue
		}
		if quietTraces.MatchString(name+"("+args) || strings.Contains(args, "CLONE_THREAD") || strings.Contains(args, "= ? ERESTART") {
			continue
		}
		if wrote := wroteTo.FindStringSubmatch(args); name == "write" && wrote != nil {
			all = append(all, "write "+essence(name, wrote[1]+" "+wrote[2])+wrote[1])
			continue
		}
		all = appendEssence(all, name, decoration.ReplaceAllString(args, ""))
	}
	return unique(all)
}

func essenceOfRecording(calls []minicontainer.RecordedCall) []string {
	var all []string
	for _, c := range calls {
		args := strings.Join(c.Arguments, ", ")
		if c.Call == "write" {
			if c.Group == record.Cgroup {
				path := strings.Trim(c.Arguments[0], `"`)
				all = append(all, "write "+essence("write", path+" "+c.Arguments[1])+path)
			}
			continue
		}
		all = appendEssence(all, c.Call, args)
	}
	return unique(all)
}

// appendEssence keeps what is compared: three groups, and cgroups made and
// removed.
func appendEssence(all []string, name, args string) []string {
	info := record.Catalogue()[name]
	ofCgroup := info.Group == record.File && strings.Contains(args, `"/sys/fs/cgroup/`)
	if slices.Contains(comparedGroups, info.Group) || ofCgroup {
		return append(all, essence(name, args))
	}
	return all
}

// essence is the name, the text and the flags; numbers in text differ.
func essence(name, args string) string {
	words := []string{name}
	for _, text := range literals.FindAllString(args, -1) {
		if text != `""` { // strace leaves out what the kernel ignores
			words = append(words, text)
		}
	}
	switch {
	case name == "prctl":
		first, _, _ := strings.Cut(args, ",")
		words = append(words, first)
	case strings.HasPrefix(name, "setres"):
		words = append(words, strings.Join(digits.FindAllString(args, 3), " "))
		return strings.Join(words, " ")
	}
	flags := flagWords.FindAllString(literals.ReplaceAllString(args, ""), -1)
	slices.Sort(flags)
	return digits.ReplaceAllString(strings.Join(append(words, flags...), " "), "N")
}

// unique keeps counts: "3 x mount ...". Cgroups are removed as often as it
// takes, so theirs are left out.
func unique(all []string) []string {
	counts := map[string]int{}
	for _, e := range all {
		counts[e]++
	}
	var lines []string
	for e, n := range counts {
		if strings.Contains(e, "/sys/fs/cgroup") {
			n = 1
		}
		lines = append(lines, strings.Repeat("+", n)+" "+e)
	}
	slices.Sort(lines)
	return lines
}

// uncounted makes sets of what was counted.
func uncounted(lines []string, wanted bool) []string {
	if !wanted {
		return lines
	}
	var set []string
	for _, line := range lines {
		set = append(set, strings.TrimLeft(line, "+ "))
	}
	slices.Sort(set)
	return slices.Compact(set)
}
