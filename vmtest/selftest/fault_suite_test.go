//go:build selftest && linux

package selftest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest"
)

// fault is one entry of the suite: what the guest is made to do, and what must
// be said of it.
type fault struct {
	name     string // of the plan entry
	does     string // what the program is told to do, where that is not its name
	nobody   bool   // it runs without rights
	timeout  time.Duration
	artifact bool     // it has to write one
	modules  []string // it needs
	excused  bool     // emulated CPUs stand still by themselves: no splat then
	want     string   // outcome
	reason   string   // regular expression for the whole of it
}

// entry is the plan entry of a fault.
func (f fault) entry() map[string]any {
	if f.timeout == 0 {
		f.timeout = 10 * time.Minute
	}
	if f.does == "" {
		f.does = f.name
	}
	artifacts := []map[string]string{}
	if f.artifact {
		artifacts = append(artifacts, map[string]string{"path": "out.json", "schema": "doctor/v1"})
	}
	return map[string]any{
		"id": f.name, "argv": []string{"faults", f.does}, "result": "exit", "timeout_ns": f.timeout.Nanoseconds(), "tier": "default",
		"needs":   map[string]any{"features": []string{}, "modules": append([]string{}, f.modules...), "init": "guest", "root": !f.nobody, "image": "base"},
		"kernels": []string{}, "artifacts": artifacts,
	}
}

// faultRepo makes a checkout whose only plan is that of the faults.
func faultRepo(t *testing.T, faults ...fault) string {
	t.Helper()
	dir := t.TempDir()
	var entries []map[string]any
	for _, f := range faults {
		entries = append(entries, f.entry())
	}
	plan, err := json.Marshal(map[string]any{"schema": "vm-plan/v1", "deliverable": "faults", "entries": entries})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "faults"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "faults", "vmtest.json"), plan, 0o644))
	buildFaults(t, filepath.Join(dir, "bin", "faults"))
	require.NoError(t, os.Link(filepath.Join(dir, "bin", "faults"), filepath.Join(dir, "bin", "faults.test")))
	return dir
}

// buildFaults builds the program that causes them.
func buildFaults(t *testing.T, path string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", path, "./vmtest/selftest/fault")
	build.Dir, build.Env = repo, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// faultRun is a vmtest run of faults, as a process of its own.
type faultRun struct {
	cmd  *exec.Cmd
	out  string // its output directory
	temp string // its TMPDIR
	said bytes.Buffer
}

func newFaultRun(t *testing.T, kernel, repo string, args ...string) *faultRun {
	t.Helper()
	r := &faultRun{out: t.TempDir(), temp: t.TempDir()}
	r.cmd = exec.Command(program(), append([]string{"run", "--repo", repo, "--kernels", kernel, "--out", r.out}, args...)...)
	r.cmd.Env = append(os.Environ(), "TMPDIR="+r.temp)
	r.cmd.Stdout, r.cmd.Stderr = &r.said, &r.said
	return r
}

// start runs it in the background; it is killed if the test ends first.
func (r *faultRun) start(t *testing.T) {
	t.Helper()
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = r.cmd.Wait() })
}

// code is the exit status of a run that has ended.
func (r *faultRun) code(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return r.cmd.ProcessState.ExitCode()
}

// report is what the run has written by now.
func (r *faultRun) report(t *testing.T) vmtest.Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.out, "report.json"))
	require.NoError(t, err, r.said.String())
	var rep vmtest.Report
	require.NoError(t, json.Unmarshal(data, &rep))
	validate := exec.Command(filepath.Join(repo, "bin", "schemas"), "validate", "--schema", "vmtest-report/v1", filepath.Join(r.out, "report.json"))
	out, err := validate.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return rep
}

// check holds each fault's result against what must be said of it.
func (r *faultRun) check(t *testing.T, rep vmtest.Report, faults ...fault) {
	t.Helper()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			i := slices.IndexFunc(rep.Results, func(r report.Result) bool { return r.Entry == f.name })
			require.GreaterOrEqual(t, i, 0, "no result")
			result := rep.Results[i]
			t.Logf("%s: %s", result.Outcome, result.Reason)
			if f.excused && rep.Run.Accelerator.Name == "tcg" {
				r.checkExcused(t, result, f)
				return
			}
			require.Equal(t, f.want, string(result.Outcome), result.Reason)
			require.Regexp(t, "^(?:"+f.reason+")$", result.Reason)
		})
	}
}

// checkExcused: the kernel did complain, and nobody is blamed for it.
func (r *faultRun) checkExcused(t *testing.T, result report.Result, f fault) {
	t.Helper()
	require.Equal(t, "pass", string(result.Outcome), result.Reason)
	log, err := os.ReadFile(filepath.Join(r.out, result.Series, "faults", f.name, "kmsg.log"))
	require.NoError(t, err)
	_, line, _ := strings.Cut(f.reason, ": ")
	require.Regexp(t, "(?m)"+line+"$", string(log))
}

// nothingLeft: no QEMU runs for a run that is over, and no work directory stays.
func (r *faultRun) nothingLeft(t *testing.T) {
	t.Helper()
	require.Empty(t, qemus(t, r.temp))
	left, err := filepath.Glob(filepath.Join(r.temp, "vmtest-work-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// qemus are the processes of QEMU whose files are in a directory.
func qemus(t *testing.T, dir string) []int {
	t.Helper()
	var pids []int
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			continue // it has just ended
		}
		line, _ := io.ReadAll(f)
		_ = f.Close()
		if strings.HasPrefix(string(line), "qemu-system") && strings.Contains(string(line), dir) {
			pids = append(pids, pidOf(t, file))
		}
	}
	return pids
}

func pidOf(t *testing.T, path string) int {
	t.Helper()
	pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
	require.NoError(t, err)
	return pid
}
