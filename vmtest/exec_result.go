package vmtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
)

// ExecSchema names the document that ExecReport is.
const ExecSchema = "exec-result/v1"

// timeoutCode is what an ended timeout exits with, as timeout(1) does.
const timeoutCode = 124

// ExecReport says how a command fared on each kernel.
type ExecReport struct {
	Schema   string       `json:"schema"`
	Program  string       `json:"program"` // its base name
	ExitCode int          `json:"exit_code"`
	Results  []ExecResult `json:"results"`
}

// ExecResult says how a command fared on one kernel.
type ExecResult struct {
	Kernel        string         `json:"kernel"` // short name, safe as a file name
	Spec          string         `json:"spec"`   // as asked for
	Release       string         `json:"release,omitempty"`
	Outcome       report.Outcome `json:"outcome"`
	Reason        string         `json:"reason,omitempty"`
	ExitCode      *int           `json:"exit_code,omitempty"` // the guest's; nil if it told none
	Signal        int            `json:"signal,omitempty"`
	DurationNS    int64          `json:"duration_ns"`
	TimeoutNS     int64          `json:"timeout_ns,omitempty"`
	BootNS        int64          `json:"boot_ns,omitempty"`
	Restored      bool           `json:"restored"`
	Accelerator   string         `json:"accelerator,omitempty"`
	AttemptsCount int            `json:"attempts_count,omitempty"` // VMs started until one was ready
	StdoutBytes   int64          `json:"stdout_bytes"`
	StderrBytes   int64          `json:"stderr_bytes"`
	Truncated     bool           `json:"truncated,omitempty"`
	Leftover      []string       `json:"leftover,omitempty"`
	Splats        []string       `json:"splats,omitempty"`
	KmsgLostCount int            `json:"kmsg_lost_count,omitempty"`
	CopiedBack    int            `json:"copied_back_count,omitempty"` // files
}

// code is what this kernel contributes to the exit code: the guest's own, if
// it got to give one.
func (r ExecResult) code() int {
	switch r.Outcome {
	case report.Pass:
		return exitcode.Pass
	case report.Timeout:
		return timeoutCode
	case report.Fail, report.Splat:
		if r.ExitCode != nil && *r.ExitCode != 0 {
			return *r.ExitCode
		}
		return exitcode.Fail
	case report.Panic:
		return exitcode.Fail
	}
	return exitcode.Harness
}

// report sums up: the first code that is not zero, in the kernels' order.
func (e *execution) report() ExecReport {
	r := ExecReport{Schema: ExecSchema, Program: filepath.Base(e.Argv[0]), Results: e.results}
	for i := range r.Results {
		r.Results[i].Reason = e.redacted(r.Results[i].Reason)
		r.Results[i].Spec = e.redacted(r.Results[i].Spec)
		if r.ExitCode == 0 {
			r.ExitCode = r.Results[i].code()
		}
	}
	return r
}

// maxReason bounds a line that a guest may have written.
const maxReason = 8 << 10

// clip cuts a text at maxReason bytes, between characters.
func clip(s string) string {
	if s = strings.ToValidUTF8(s, "\uFFFD"); len(s) <= maxReason {
		return s
	}
	return strings.ToValidUTF8(s[:maxReason-len("...")], "") + "..."
}

// shortName makes a kernel's name fit for a file name.
func shortName(spec string) string {
	name := strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._+-", r)) {
			return r
		}
		return '-'
	}, filepath.Base(spec))
	name = strings.TrimLeft(name, "._+-")
	if name == "" {
		return "kernel"
	}
	return name[:min(len(name), 60)]
}

// nameResult gives the i-th result a name that no other one has.
func (e *execution) nameResult(i int, kernel string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := shortName(kernel)
	if owner, taken := e.names[name]; taken && owner != i {
		name = fmt.Sprintf("%.55s-%d", name, i+1)
	}
	e.names[name] = i
	return name
}

// redacted replaces directories of this machine by names.
func (e *execution) redacted(s string) string {
	home, _ := os.UserHomeDir()
	pairs := []string{filepath.Join(os.TempDir(), workPrefix), "$TMPDIR/" + workPrefix}
	for _, dir := range [][2]string{
		{e.CacheDir, "$VMTEST_CACHE"}, {e.PackageDir, "$VMTEST_PACKAGE_DIR"}, {e.cwd, "$PWD"}, {home, "$HOME"},
	} {
		if len(dir[0]) > 1 {
			pairs = append(pairs, dir[0], dir[1])
		}
	}
	return clip(strings.NewReplacer(pairs...).Replace(s))
}
