//go:build selftest && linux

package selftest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest"
)

// bootSystemd boots a VM in which systemd is process 1.
func bootSystemd(t *testing.T, kernel string) *vmtest.VM {
	t.Helper()
	vm, err := vmtest.Boot(t.Context(), vmtest.Config{Kernel: kernel, System: "systemd", Init: guestInit()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vm.Close()) })
	return vm
}

func TestSystemd(t *testing.T) {
	for _, kernel := range series() {
		t.Run(kernel, func(t *testing.T) {
			vm := bootSystemd(t, kernel)
			t.Run("is up", func(t *testing.T) {
				require.Equal(t, "running\nsystemd", sh(t, vm, "systemctl is-system-running; cat /proc/1/comm"))
			})
			t.Run("kills what a command leaves", func(t *testing.T) { testLeftovers(t, vm) })
			t.Run("tells commands apart", func(t *testing.T) { testCommandsApart(t, vm) })
			t.Run("leaves services alone", func(t *testing.T) {
				sh(t, vm, "systemd-run --quiet --unit=stays sleep 600")
				require.Equal(t, "active", sh(t, vm, "systemctl is-active stays"))
			})
			t.Run("powers off in order", func(t *testing.T) {
				require.NoError(t, vm.Shutdown(t.Context()))
				require.Contains(t, string(vm.Console()), "reboot: Power down")
			})
		})
	}
}

// testLeftovers: a child, a daemon that forked twice into a session of its own,
// and one that also left its control group.
func testLeftovers(t *testing.T, vm *vmtest.VM) {
	const script = `sleep 601 &
(setsid sleep 602 >/dev/null 2>&1 &)
mkdir /sys/fs/cgroup/away
(setsid sh -c 'echo $$ >/sys/fs/cgroup/away/cgroup.procs; touch /tmp/moved; exec sleep 603' >/dev/null 2>&1 &)
until [ -e /tmp/moved ]; do sleep 0.1; done
exit 3`
	err := vm.CommandContext(t.Context(), "sh", "-c", script).Run()
	var exit *vmtest.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.ExitCode())
	require.Equal(t, []string{"sleep"}, exit.Exit.Leftover)
	require.Empty(t, sh(t, vm, `ps -eo args | grep '[s]leep 60' || true`))
	require.Equal(t, "1", sh(t, vm, `ls -d /sys/fs/cgroup/system.slice/vmtest-agent.service/command-* | wc -l`), "only its own group")
}

// testCommandsApart: the end of one command is not the end of another.
func testCommandsApart(t *testing.T, vm *vmtest.VM) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	long := vm.CommandContext(ctx, "sh", "-c", "sleep 600 & wait")
	require.NoError(t, long.Start())
	sh(t, vm, "sleep 601 & (setsid sleep 602 >/dev/null 2>&1 &)")
	require.Equal(t, "sleep 600", sh(t, vm, `ps -eo args | grep '^sleep 60'`))
	cancel()
	require.Error(t, long.Wait())
	require.Empty(t, sh(t, vm, `ps -eo args | grep '^sleep 60' || true`))
}

// TestSystemdAgentDies: without it the machine is of no use, and says so soon.
func TestSystemdAgentDies(t *testing.T) {
	kernels := series()
	vm := bootSystemd(t, kernels[len(kernels)-1])
	err := vm.CommandContext(t.Context(), "sh", "-c", "kill -KILL $PPID; sleep 600").Run()
	require.ErrorIs(t, err, vmtest.ErrLost)
}
