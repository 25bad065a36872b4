//go:build vmtest && linux

package multitenantcgroups_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

// verdicts maps "tenant control" to the verdict of the proof.
func verdicts(t *testing.T, text string) map[string]mtc.Proof {
	t.Helper()
	var report mtc.VerifyReport
	require.NoError(t, json.Unmarshal([]byte(text), &report))
	all := map[string]mtc.Proof{}
	for _, tenant := range report.Tenants {
		require.Empty(t, tenant.Neighbours.Changed)
		for _, p := range tenant.Proofs {
			all[tenant.Name+" "+p.Control] = p
		}
	}
	return all
}

// requireProved accepts "inconclusive" for CPU time on a machine whose noise
// the report shows: sleeps came very late, or a tenth of the time was lost. It
// never does for what does not depend on time.
func requireProved(t *testing.T, key string, p mtc.Proof) {
	t.Helper()
	noise := time.Duration(p.Noise.MaxGapNS) > 100*time.Millisecond || p.Noise.LateNS > p.Measured.DurationNS/10
	if p.Control == mtc.CPUMax && p.Verdict == mtc.Inconclusive && noise {
		t.Logf("%s: noise of %s: %s", key, time.Duration(p.Noise.MaxGapNS), p.Reason)
		return
	}
	require.Equal(t, mtc.Pass, p.Verdict, "%s: %s", key, p.Reason)
}

// TestVMVerify checks the verifier's claims, and then the limits themselves by
// workloads that share no code with it.
func TestVMVerify(t *testing.T) {
	v := newVM(t)
	before := tree(t)
	v.must("apply")
	applied := tree(t)
	code, out := v.run("verify", "--json", "--duration=1s")
	require.Contains(t, []int{0, 3}, code)
	artifact(t, "verify.json", out)
	require.Equal(t, applied, tree(t), "verify leaves nothing behind")
	proofs := verdicts(t, out)
	require.Len(t, proofs, 3*len(v.tenants))
	for key, p := range proofs {
		requireProved(t, key, p)
	}
	for _, tenant := range v.tenants {
		v.checkClaims(tenant, proofs)
	}
	v.checkMemory(v.tenants[0])
	v.checkPids(v.tenants[1])
	v.checkCPU(v.tenants[0])
	v.must("remove")
	require.Equal(t, before, tree(t))
}

// checkClaims compares the report with the kernel's counters.
func (v *vm) checkClaims(tenant vmTenant, proofs map[string]mtc.Proof) {
	v.Helper()
	dir := v.path(tenant.name)
	for _, control := range []string{"memory.max", "pids.max", "cpu.max"} {
		for _, c := range proofs[tenant.name+" "+control].Evidence {
			if c.Key != "" && control != "cpu.max" {
				require.Equal(v, c.After, fmt.Sprint(v.number(dir, c.File, c.Key)), "%s %s", c.File, c.Key)
			}
		}
	}
	memory, pids := proofs[tenant.name+" memory.max"], proofs[tenant.name+" pids.max"]
	require.LessOrEqual(v, *memory.Measured.Touched, tenant.memory)
	require.Greater(v, *memory.ControlRun.Touched, tenant.memory)
	require.Equal(v, int(syscall.SIGKILL), memory.Measured.Signal)
	require.Equal(v, tenant.pids, *pids.Measured.Processes)
	require.Greater(v, *pids.ControlRun.Processes, 2*tenant.pids)
	require.Positive(v, v.number(dir, "memory.events", "oom_kill"))
	require.Positive(v, v.number(dir, "pids.events", "max"))
	require.Positive(v, v.number(dir, "cpu.stat", "nr_throttled"))
}

// checkMemory: tail keeps what it reads until a newline comes; none does.
func (v *vm) checkMemory(tenant vmTenant) {
	v.Helper()
	dir := v.path(tenant.name)
	kills := v.number(dir, "memory.events", "oom_kill")
	require.Error(v, v.shell(dir, "exec tail /dev/zero").Wait())
	require.Greater(v, v.number(dir, "memory.events", "oom_kill"), kills)
}

func (v *vm) checkPids(tenant vmTenant) {
	v.Helper()
	dir := v.path(tenant.name)
	refused := v.number(dir, "pids.events", "max")
	cmd := v.shell(dir, "for i in $(seq 60); do sleep 1000 & done")
	require.Error(v, cmd.Wait(), "the shell ends when it cannot fork")
	require.Greater(v, v.number(dir, "pids.events", "max"), refused)
	require.Equal(v, fmt.Sprint(tenant.pids-1), v.read(dir, "pids.current"), "all but the shell itself")
}

// checkCPU watches a shell that spins until what it used is near to what the
// periods until then allow. A stall of the machine is charged to it and repaid
// over many periods; without a limit it never comes near.
func (v *vm) checkCPU(tenant vmTenant) {
	v.Helper()
	dir := v.path(tenant.name)
	stat := func(key string) uint64 { return v.number(dir, "cpu.stat", key) }
	usage, periods, throttled := stat("usage_usec"), stat("nr_periods"), stat("nr_throttled")
	cmd := v.shell(dir, "while :; do :; done")
	held := func() bool {
		used, passed, held := stat("usage_usec")-usage, stat("nr_periods")-periods, stat("nr_throttled")-throttled
		v.Logf("used %d us in %d periods of %d us, throttled in %d", used, passed, tenant.quota, held)
		return passed >= 10 && held > 0 && float64(used) < 1.5*float64(passed*tenant.quota)
	}
	for end := time.Now().Add(30 * time.Second); !held(); time.Sleep(500 * time.Millisecond) {
		require.True(v, time.Now().Before(end), "cpu.max does not hold the shell back")
	}
	require.NoError(v, cmd.Process.Kill())
	require.Error(v, cmd.Wait())
}

// TestVMVerifyFails proves that the verifier can fail: limits are raised behind
// its back, and exactly those must be found.
func TestVMVerifyFails(t *testing.T) {
	v := newVM(t)
	before := tree(t)
	code, _ := v.run("verify")
	require.Equal(t, 2, code, "not applied yet")
	v.must("apply")
	raise := func(tenant int, file, value string) string {
		name := v.tenants[tenant].name
		require.NoError(t, os.WriteFile(filepath.Join(v.path(name), file), []byte(value), 0))
		return name + " " + file
	}
	raised := []string{raise(0, "memory.max", "max"), raise(1, "pids.max", fmt.Sprint(v.tenants[1].pids+1)), raise(1, "cpu.max", "max")}
	code, out := v.run("verify", "--json", "--duration=500ms")
	require.Equal(t, 1, code)
	artifact(t, "verify-fail.json", out)
	proofs := verdicts(t, out)
	for _, key := range raised {
		require.Equal(t, mtc.Fail, proofs[key].Verdict, "%s: %s", key, proofs[key].Reason)
		require.NotContains(t, proofs[key].Reason, "the kernel holds", "behaviour must give it away, not a file")
		delete(proofs, key)
	}
	for key, p := range proofs {
		requireProved(t, key, p)
	}
	v.must("remove")
	require.Equal(t, before, tree(t))
}
