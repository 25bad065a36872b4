//go:build selftest && linux

package selftest

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

// patience bounds the waits for what takes a moment. It is no limit of speed.
const patience = 5 * time.Minute

func lastSeries() string { return series()[len(series())-1] }

// begun waits until the tests have been started in their guests.
func (r *faultRun) begun(t *testing.T, faults ...fault) {
	t.Helper()
	for _, f := range faults {
		log := filepath.Join(r.out, lastSeries(), "faults", f.name, "stdout.log")
		require.Eventually(t, func() bool { _, err := os.Stat(log); return err == nil }, patience, 100*time.Millisecond, "%s", &r.said)
	}
}

// TestFaultsOfQEMU: of two machines that are at work one is killed, as a host
// without memory would do, and the other one is stopped.
func TestFaultsOfQEMU(t *testing.T) {
	faults := []fault{{name: "first", does: "sleep"}, {name: "second", does: "sleep"}}
	r := newFaultRun(t, lastSeries(), faultRepo(t, faults...), "--jobs", "2")
	r.start(t)
	r.begun(t, faults...)
	machines := qemus(t, r.temp)
	require.Len(t, machines, 2)
	require.NoError(t, syscall.Kill(machines[0], syscall.SIGKILL))
	require.NoError(t, syscall.Kill(machines[1], syscall.SIGSTOP))
	require.Equal(t, 128, r.code(t, r.cmd.Wait()))
	seen := map[string]string{}
	for _, result := range r.report(t).Results {
		seen[string(result.Outcome)] = result.Reason
	}
	t.Log(seen)
	require.Regexp(t, `^QEMU was killed by signal 9 \(killed\), while the test ran`, seen["lost"])
	require.Regexp(t, `^QEMU is stuck: it does not answer \(.*\), and the guest was silent for \S+, while the test ran`, seen["infra"])
	r.nothingLeft(t)
}

// TestFaultHarnessKilled: no QEMU survives a harness that is killed, what it
// has written is not green, and the next run removes what it has left.
func TestFaultHarnessKilled(t *testing.T) {
	faults := []fault{{name: "sleep"}, {name: "nothing"}}
	dir := faultRepo(t, faults...)
	r := newFaultRun(t, lastSeries(), dir, "--jobs", "1", "--tests", "faults/sleep")
	r.start(t)
	r.begun(t, faults[0])
	require.Len(t, qemus(t, r.temp), 1)
	require.NoError(t, r.cmd.Process.Kill())
	_ = r.cmd.Wait()
	require.Eventually(t, func() bool { return len(qemus(t, r.temp)) == 0 }, patience, 10*time.Millisecond)
	rep := r.report(t)
	require.False(t, rep.Summary.Green)
	require.Equal(t, "lost", string(rep.Results[0].Outcome))

	next := newFaultRun(t, lastSeries(), dir, "--tests", "faults/nothing")
	next.cmd.Env = append(os.Environ(), "TMPDIR="+r.temp)
	require.Zero(t, next.code(t, next.cmd.Run()), next.said.String())
	r.nothingLeft(t)
}

// TestFaultDiskFull: a host without room is told so, and nothing is green.
func TestFaultDiskFull(t *testing.T) {
	tests := []struct {
		name  string
		place func(*faultRun) string // what is small
		want  string
	}{
		{"temporary directory", func(r *faultRun) string { return r.temp }, "name another place with TMPDIR"},
		{"output directory", func(r *faultRun) string { return r.out }, "no space left on device"},
	}
	dir := faultRepo(t, fault{name: "flood"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newFaultRun(t, lastSeries(), dir)
			r.inMountNamespace(t, `mount -t tmpfs -o size=3m none "$1" && shift && exec "$@"`, tt.place(r))
			require.Equal(t, 128, r.code(t, r.cmd.Run()), r.said.String())
			require.Contains(t, r.said.String(), tt.want)
			r.nothingLeft(t)
		})
	}
}

// inMountNamespace has the command run by a script that may mount. Its first
// argument is a place, the rest is the command.
func (r *faultRun) inMountNamespace(t *testing.T, script, place string) {
	t.Helper()
	r.cmd.Args = append([]string{"unshare", "--mount", "sh", "-c", script, "sh", place}, r.cmd.Args...)
	if os.Getuid() != 0 {
		r.cmd.Args = append([]string{"unshare", "--map-root-user"}, r.cmd.Args[1:]...)
	}
	var err error
	r.cmd.Path, err = exec.LookPath("unshare")
	require.NoError(t, err)
}

// TestFaultCacheFull: what cannot be saved is booted cold, said once, and leaves
// nothing in the cache that somebody might take for a snapshot.
func TestFaultCacheFull(t *testing.T) {
	const show = `shift; "$@"; code=$?; rm -f "$all"; find "$at" -mindepth 1 ! -name '*.lock' | sed 's/^/left: /'; exit $code`
	tests := []struct{ name, script, note string }{
		{"before", `at=$1; mount -t tmpfs -o size=64m none "$at"; ` + show,
			`booted cold: \d+ MiB are free on the disk of the cache, want \d+: no space left on device`},
		{"while saving", `at=$1; all=$at/all; mount -t tmpfs -o size=1700m none "$at"
			(until [ -e "$at"/*/ram ]; do sleep 0.02; done; cat /dev/zero >"$all" 2>/dev/null) & ` + show,
			`booted cold: .*the disk of the cache is full`},
	}
	faults := []fault{{name: "first", does: "nothing", want: "pass"}, {name: "second", does: "nothing", want: "pass"}}
	dir := faultRepo(t, faults...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cache := ownCache(t)
			require.NoError(t, os.Mkdir(filepath.Join(cache, "snapshots"), 0o755))
			r := newFaultRun(t, lastSeries(), dir, "--jobs", "1", "--cache", cache)
			r.inMountNamespace(t, tt.script, filepath.Join(cache, "snapshots"))
			require.Zero(t, r.code(t, r.cmd.Run()), r.said.String())
			t.Log(r.said.String())
			rep := r.report(t)
			r.check(t, rep, faults...)
			require.Regexp(t, tt.note, r.said.String())
			require.NotContains(t, r.said.String(), "left: ")
			for _, result := range rep.Results {
				require.False(t, result.VM.Restored)
			}
			r.nothingLeft(t)
		})
	}
}

// TestFaultBeforeInit: a kernel that panics before our init answers is our
// fault; it is tried once more, and both are counted.
func TestFaultBeforeInit(t *testing.T) {
	rep, err := vmtest.Run(t.Context(), vmtest.RunConfig{
		Config: vmtest.Config{KernelArgs: []string{"rdinit=/nowhere"}, Init: guestInit(), Cold: true},
		Repo:   faultRepo(t, fault{name: "nothing"}), Kernels: []string{lastSeries()}, Tier: "default", Out: t.TempDir(),
	})
	require.NoError(t, err)
	require.Equal(t, 2, rep.Kernels[0].AttemptsCount)
	require.Len(t, rep.Kernels[0].FailedAttempts, 2)
	t.Log(rep.Results[0].Reason)
	require.Equal(t, "infra", string(rep.Results[0].Outcome))
	require.Regexp(t, `^kernel panic before init: kernel found nothing to run: Kernel panic`, rep.Results[0].Reason)
}
