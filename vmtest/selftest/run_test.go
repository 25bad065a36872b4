//go:build selftest && linux

package selftest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest"
)

// runPatience bounds one run of a few tests on one kernel, that kernel's first
// boot included.
const runPatience = 5 * time.Minute

// script is a plan entry that runs in the guest's shell.
func script(id, text string) map[string]any {
	return map[string]any{
		"id": id, "argv": []string{"sh", "-c", text}, "result": "exit", "timeout_ns": int64(time.Minute), "tier": "default",
		"needs":   map[string]any{"features": []string{}, "modules": []string{}, "init": "guest", "root": true, "image": "base"},
		"kernels": []string{}, "artifacts": []any{},
	}
}

// checkout is a repository with one plan per folder, and programs to go with
// them.
func checkout(t *testing.T, plans map[string][]map[string]any) string {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	for folder, entries := range plans {
		data, err := json.Marshal(map[string]any{"schema": "vm-plan/v1", "deliverable": folder, "entries": entries})
		require.NoError(t, err)
		require.NoError(t, os.Mkdir(filepath.Join(dir, folder), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, folder, "vmtest.json"), data, 0o644))
		for _, name := range []string{folder, folder + ".test"} {
			build(t, dir, name, "echo first build")
		}
	}
	return dir
}

// build puts a program into a checkout's bin.
func build(t *testing.T, checkout, name, text string) {
	require.NoError(t, os.WriteFile(filepath.Join(checkout, "bin", name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
}

// vmtestRun is `vmtest run` in a checkout, on the newest of the kernels, with a
// temporary directory of its own.
type vmtestRun struct {
	*exec.Cmd
	out   string
	temp  string
	said  bytes.Buffer
	ended chan error
}

func runIn(t *testing.T, checkout string, args ...string) *vmtestRun {
	all := series()
	r := &vmtestRun{out: filepath.Join(checkout, "out"), temp: t.TempDir(), ended: make(chan error, 1)}
	r.Cmd = exec.Command(program(), append([]string{"run", "--repo", checkout, "--out", r.out, "--kernels", all[len(all)-1]}, args...)...)
	r.Env = append(os.Environ(), "TMPDIR="+r.temp)
	r.Stdout, r.Stderr = &r.said, &r.said
	return r
}

func (r *vmtestRun) begin(t *testing.T) {
	require.NoError(t, r.Start())
	t.Cleanup(func() { _ = r.Process.Kill() })
	go func() { r.ended <- r.Wait() }()
}

// end waits for the run and returns its exit status; it leaves nothing behind.
func (r *vmtestRun) end(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(runPatience, func() { _ = r.Process.Kill() })
	defer timer.Stop()
	err := <-r.ended
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.Empty(t, left(t, r.temp), r.said.String())
	return r.ProcessState.ExitCode()
}

// left lists the work directories in a temporary directory, and the processes
// that have one of its files on their command line.
func left(t *testing.T, temp string) []string {
	entries, err := os.ReadDir(temp)
	require.NoError(t, err)
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range lines {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte("file="+temp)) {
			found = append(found, file)
		}
	}
	return found
}

// report reads what a run has written; it must fit its schema.
func (r *vmtestRun) report(t *testing.T) vmtest.Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.out, "report.json"))
	require.NoError(t, err, r.said.String())
	require.Empty(t, schemas.Validate("vmtest-report/v1", data))
	var rep vmtest.Report
	require.NoError(t, json.Unmarshal(data, &rep))
	return rep
}

// finished runs to the end and returns the report.
func finished(t *testing.T, r *vmtestRun, status int) vmtest.Report {
	t.Helper()
	r.begin(t)
	require.Equal(t, status, r.end(t), r.said.String())
	return r.report(t)
}

// TestEachTestHasItsOwnVM: what one test leaves, the other does not see, though
// both run on one kernel that was booted once at most.
func TestEachTestHasItsOwnVM(t *testing.T) {
	dirty := "for f in /var/mark /tmp/mark /run/mark; do test ! -e $f || exit 1; echo x > $f; done; " +
		"test $(cat /proc/sys/kernel/hostname) != spoilt; echo spoilt > /proc/sys/kernel/hostname; " +
		"test \"$(head -c4 /dev/disk/by-id/virtio-scratch | tr -d '\\0')\" = '' && echo mark > /dev/disk/by-id/virtio-scratch"
	dir := checkout(t, map[string][]map[string]any{
		"one": {script("first", dirty), script("second", dirty), script("third", dirty)},
		"two": {script("fails", "echo the reason >&2; exit 1")},
	})
	run := runIn(t, dir)
	rep := finished(t, run, 1)
	require.Equal(t, 3, rep.Summary.PassCount, run.said.String())
	for _, result := range rep.Results {
		require.NotNil(t, result.VM)
		require.True(t, result.VM.Restored, "from a snapshot")
		require.Positive(t, result.VM.BootNS)
		require.Positive(t, result.VM.TeardownNS)
		require.Positive(t, result.VM.QEMUPeakRSSBytes)
		require.FileExists(t, filepath.Join(run.out, result.ConsoleLog))
		if result.Entry == "fails" {
			require.Equal(t, []string{"the reason"}, result.OutputTail)
			require.Equal(t, "test", result.FailedStage)
		}
	}
	require.Contains(t, run.said.String(), "      | the reason\n", "nobody should have to look into a log for that")
	require.Equal(t, 4, rep.Kernels[0].AttemptsCount)
	require.GreaterOrEqual(t, rep.Run.Slowdown, 1.0)
	require.Len(t, rep.Run.Programs, 4)
	require.Less(t, rep.Run.HarnessShareNS, rep.Run.DurationNS)
	stages := map[string]bool{}
	for _, s := range rep.Run.Stages {
		stages[s.Name] = true
	}
	for _, name := range []string{"fetch", "image", "boot", "test", "teardown", "report"} {
		require.True(t, stages[name], name)
	}
}

// TestShardsCoverARunOnce: with more shards than kernels, tests are dealt out.
func TestShardsCoverARunOnce(t *testing.T) {
	dir := checkout(t, map[string][]map[string]any{"one": {script("a", "true"), script("b", "true"), script("c", "true")}})
	seen := map[string]int{}
	for _, shard := range []string{"1/2", "2/2"} {
		rep := finished(t, runIn(t, dir, "--shard", shard), 0)
		require.NotNil(t, rep.Run.Shard)
		require.Len(t, rep.Run.Planned.Tests, 3)
		for _, result := range rep.Results {
			require.EqualValues(t, "pass", result.Outcome)
			seen[result.ID]++
		}
	}
	require.Equal(t, map[string]int{"one/a": 1, "one/b": 1, "one/c": 1}, seen)
}

// TestResume: what has a verdict is not run again, unless its program, or the
// run, is another one.
func TestResume(t *testing.T) {
	dir := checkout(t, map[string][]map[string]any{
		"one": {script("seed", "echo $VMTEST_SEED")}, "two": {script("passes", "true"), script("fails", "exit 1")},
	})
	ran := func(rep vmtest.Report) (ids []string) {
		for _, result := range rep.Results {
			if !result.Resumed {
				ids = append(ids, result.ID)
			}
		}
		return ids
	}
	first := finished(t, runIn(t, dir), 1)
	require.Len(t, ran(first), 3)

	again := finished(t, runIn(t, dir, "--resume"), 1)
	require.Empty(t, ran(again), "a failure is a verdict too")
	require.Equal(t, first.Run.Seed, again.Run.Seed)
	require.Equal(t, first.Summary, again.Summary)

	build(t, dir, "one", "echo second build")
	require.Equal(t, []string{"one/seed"}, ran(finished(t, runIn(t, dir, "--resume"), 1)))
	require.Empty(t, ran(finished(t, runIn(t, dir, "--resume"), 1)), "and that is kept in turn")
	require.Len(t, ran(finished(t, runIn(t, dir, "--resume", "--seed", "1"), 1)), 3)
	require.Len(t, ran(finished(t, runIn(t, dir), 1)), 3, "only if asked for")
}

// begun waits until a test of the run is in its VM.
func (r *vmtestRun) begun(t *testing.T, id string) {
	t.Helper()
	kernels := series()
	stdout := filepath.Join(r.out, kernels[len(kernels)-1], id, "stdout.log")
	for begin := time.Now(); time.Since(begin) < runPatience; time.Sleep(50 * time.Millisecond) {
		if said, err := os.ReadFile(stdout); err == nil && strings.Contains(string(said), "begun") {
			return
		}
		select {
		case err := <-r.ended:
			require.Fail(t, "ended too early", "%v\n%s", err, &r.said)
		default:
		}
	}
	require.Fail(t, "never began")
}

// TestInterruptedRun: Ctrl-C leaves a report that says what was not run, and
// nothing else. Its verdicts can be built upon.
func TestInterruptedRun(t *testing.T) {
	dir := checkout(t, map[string][]map[string]any{
		"one": {script("passes", "true"), script("waits", "echo begun; sleep 1000"), script("never", "true")},
	})
	run := runIn(t, dir, "--jobs", "1")
	run.begin(t)
	run.begun(t, "one/waits")
	require.NoError(t, run.Process.Signal(syscall.SIGINT))
	require.Equal(t, 128, run.end(t), run.said.String())
	rep := run.report(t)
	require.False(t, rep.Summary.Green)
	require.EqualValues(t, "pass", rep.Results[0].Outcome)
	require.EqualValues(t, "lost", rep.Results[1].Outcome)
	require.Contains(t, rep.Results[1].Reason, "interrupted")
	require.EqualValues(t, "lost", rep.Results[2].Outcome)
	require.Equal(t, "never ran: interrupted", rep.Results[2].Reason)
}

// TestKilledRun: SIGKILL takes QEMU along, and the next run removes what was
// left on the disk and goes on from there.
func TestKilledRun(t *testing.T) {
	dir := checkout(t, map[string][]map[string]any{
		"one": {script("passes", "true"), script("waits", "echo begun; test -e /payload/bin/go || sleep 1000")},
	})
	run := runIn(t, dir, "--jobs", "1")
	run.begin(t)
	run.begun(t, "one/waits")
	require.NoError(t, run.Process.Kill())
	<-run.ended
	require.Eventually(t, func() bool {
		for _, name := range left(t, run.temp) {
			if strings.HasPrefix(name, "/proc/") {
				return false
			}
		}
		return true
	}, runPatience, 50*time.Millisecond, "QEMU outlives us")
	require.NotEmpty(t, left(t, run.temp), "nobody could remove that")

	next := runIn(t, dir, "--tests", "one/passes", "--resume")
	next.temp, next.Env = run.temp, run.Env
	rep := finished(t, next, 0)
	require.True(t, rep.Results[0].Resumed, "the journal has it")
}
