//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/record"
)

// recordings are runs that differ in what they need.
var recordings = []struct {
	name  string
	uid   uint32
	since [2]int // the kernel that has it all
	flags []string
}{
	{"limits", 0, [2]int{5, 10}, []string{"--memory", "64M", "--pids", "30", "--read-only", "--oom-score-adj", "500", "--init", "--user", "1000:1000"}},
	{"user namespace", 0, [2]int{5, 10}, []string{"--user-ns", "--uid-map", "0:0:65536", "--gid-map", "0:0:65536", "--time-ns", "--time-offset", "boottime=1h"}},
	{"network", 0, [2]int{5, 10}, []string{"--network", "bridge", "--nat", "--new-privs", "--overlay"}},
	{"rootless", 1000, [2]int{5, 10}, []string{"--user-ns", "--workdir", "/bin"}},
	{"new mounts", 0, [2]int{5, 13}, []string{"--bind", "/usr:/mnt:rro", "--landlock-read", "/", "--landlock-exec", "/"}},
	// The rootfs lies on tmpfs, which has id maps since Linux 6.3.
	{"idmapped root", 0, [2]int{6, 3}, []string{"--user-ns", "--uid-map", "0:0:65536", "--gid-map", "0:0:65536", "--idmap-root"}},
}

// notRecorded is why some listed calls are in none of the recordings above.
var notRecorded = map[string]string{
	"log": "detached", "terminal-socket": "terminal", "terminal": "terminal", "attach": "terminal", "apparmor": "profile",
}

// olderOnly is what only kernels before 5.12 need, or only those from then on,
// or only newuidmap.
var olderOnly = map[string][]string{
	"clone":           {"mount", "move_mount", "mount_setattr", "execve", "clone3"},
	"idmapped-mounts": {"pipe2", "clone", "setsid", "prctl", "open_tree", "mount_setattr"},
	"landlock":        {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"},
	"mounts":          {"open_tree", "move_mount", "mount_setattr"},
	"bind-rootfs":     {"move_mount"},
	"devices":         {"mount", "mknodat"},
}

// TestExplain holds recordings against what strace(1) shows of the same run,
// and the lists that explain prints against the recordings.
func TestExplain(t *testing.T) {
	listed, seen := map[string][]string{}, map[string][]string{}
	for _, s := range minicontainer.Steps() {
		listed[s.Name] = s.Calls
	}
	for _, tt := range recordings {
		if !kernelSince(t, tt.since) {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.uid)
			flags := tt.flags
			if tt.uid == 0 { // others have no state directory here
				flags = append([]string{"--id", "told"}, flags...)
			}
			b.once(t, nil, flags...) // makes what stays: mount points, the parent cgroup
			trace := filepath.Join(b.base, "trace")
			b.once(t, []string{"strace", "-f", "-y", "-qq", "-s", "4096", "-o", trace}, flags...)
			told, report := filepath.Join(b.base, "told.json"), filepath.Join(b.base, "report.json")
			b.once(t, nil, append(flags, "--explain-json", told, "--report", report)...)

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
			if tt.name == "limits" {
				require.NoError(t, os.WriteFile(artifact(t, "explain.json"), []byte(readText(told)), 0o644))
			}
		})
	}
	for step, calls := range listed {
		for _, call := range calls {
			if notRecorded[step] == "" && !slices.Contains(olderOnly[step], call) {
				require.Contains(t, seen[step], call, "explain lists it for %s, and no run does it", step)
			}
		}
	}
}

func kernelSince(t *testing.T, since [2]int) bool {
	t.Helper()
	var uts syscall.Utsname
	require.NoError(t, syscall.Uname(&uts))
	var release []byte
	for _, c := range uts.Release {
		release = append(release, byte(c))
	}
	numbers := regexp.MustCompile(`^(\d+)\.(\d+)`).FindStringSubmatch(string(release))
	require.Len(t, numbers, 3)
	return atoi(t, numbers[1]) > since[0] || atoi(t, numbers[1]) == since[0] && atoi(t, numbers[2]) >= since[1]
}

func atoi(t *testing.T, text string) (n int) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &n))
	return n
}

// once runs the probe to its end, below another program if wrapper names one.
func (b *bench) once(t *testing.T, wrapper []string, flags ...string) {
	t.Helper()
	args := slices.Concat(wrapper, []string{executable(t), "run", "--rootfs", b.rootfs, "--env", probeEnv + "=exit:0"}, flags, []string{"--", "/bin/probe"})
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: b.uid, Gid: b.uid}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
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
	flagWords  = regexp.MustCompile(`\b(MS|MNT|UMOUNT|CLONE|OPEN_TREE)_[A-Z_0-9]+`)
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
