//go:build vmtest && linux

package minicontainer_test

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
)

// everything is a container that takes as many steps as it can.
func everything(fault string) order {
	bridge := minicontainer.Network{Mode: network.Bridge, Config: network.Config{
		Bridge: network.DefaultBridge, Subnet: netip.MustParsePrefix(network.DefaultSubnet),
		Subnet6: netip.MustParsePrefix(network.DefaultSubnet6), NAT: true,
	}}
	return order{
		Options: minicontainer.Options{ReadonlyRoot: true}, Extra: minicontainer.Extra{Init: true, Overlay: true, Network: bridge},
		Remembered: true, Fault: fault,
	}
}

// moments are the steps, and what lies in the middle of the one that leaves
// most on the host.
func moments() []minicontainer.Step {
	all := minicontainer.Steps()
	for _, place := range network.Places() {
		all = append(all, minicontainer.Step{Name: place, By: minicontainer.BySupervisor})
	}
	return all
}

// TestKilledAtEachStep ends either side by SIGKILL before each step: all of
// the container must be gone, at once.
func TestKilledAtEachStep(t *testing.T) { testKilled(t, moments(), (*bench).collect) }

// TestKilledAtSomeStep is a sample of it.
func TestKilledAtSomeStep(t *testing.T) {
	steps := minicontainer.Steps()
	random := newBench(t, 0).random
	testKilled(t, []minicontainer.Step{steps[random.IntN(len(steps))], stepNamed(t, "pivot-root")}, (*bench).collect)
}

// TestListClearsAway: list does what gc does, and so does the next run.
func TestListClearsAway(t *testing.T) {
	half := []minicontainer.Step{{Name: "network-veth"}, {Name: "network-end"}, stepNamed(t, "configure"), stepNamed(t, "wait")}
	testKilled(t, half, func(b *bench) { b.command(t, 0, "list") })
	testKilled(t, half, func(b *bench) { require.Equal(t, 0, b.start(t, "exit:0").end(t)) })
}

func stepNamed(t *testing.T, name string) minicontainer.Step {
	t.Helper()
	for _, s := range minicontainer.Steps() {
		if s.Name == name {
			return s
		}
	}
	require.Fail(t, "no such step", name)
	return minicontainer.Step{}
}

// testKilled lets clean do what somebody does next.
func testKilled(t *testing.T, steps []minicontainer.Step, clean func(b *bench)) {
	b := newBench(t, 0)
	b.warmUp(t)
	before, network := takeStock(t, b), takeNetwork(t)
	t.Cleanup(func() { b.killProbes() })
	for i, step := range steps {
		t.Run(fmt.Sprintf("%d %s kill", i, step.Name), func(t *testing.T) {
			c := b.order(t, "exit:0", everything(step.Name+":kill"))
			c.stdin.Close()
			io.Copy(io.Discard, c.stdout)
			c.cmd.Wait()
			requireStock(t, b, before)
			clean(b)
			b.requireCollected(t, network)
		})
		if step.By != minicontainer.ByChild {
			continue
		}
		t.Run(fmt.Sprintf("%d %s kill the supervisor", i, step.Name), func(t *testing.T) {
			c := b.order(t, "stay", everything(step.Name+":hold"))
			b.waitHeld(t, c, step)
			require.NoError(t, c.cmd.Process.Kill())
			c.cmd.Wait()
			requireStock(t, b, before)
			clean(b)
			b.requireCollected(t, network)
		})
	}
}

// requireCollected: the cgroup, the state and what is on the host's network,
// which no namespace takes with it, are gone.
func (b *bench) requireCollected(t *testing.T, network networkStock) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/mini-container/*/cgroup.procs", stateRoot + "/" + strings.Repeat("[0-9a-f]", 12)} {
		left, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	requireNetworkBack(t, network)
}

// warmUp makes the mount points, which may stay.
func (b *bench) warmUp(t *testing.T) {
	t.Helper()
	_, code := b.order(t, "exit:0", order{}).report(t)
	require.Zero(t, code)
}

// waitHeld returns when the child stands before the step, or when it is clear
// that this container does not take it and the command runs.
func (b *bench) waitHeld(t *testing.T, c *contained, step minicontainer.Step) {
	t.Helper()
	line := c.line(t)
	require.Contains(t, []string{"holding before " + step.Name, "ready"}, line)
}

// TestErrorAtEachStep lets each step fail: the report says which, the exit
// code is ours, and nothing is left.
func TestErrorAtEachStep(t *testing.T) {
	b := newBench(t, 0)
	b.warmUp(t)
	before, network := takeStock(t, b), takeNetwork(t)
	for i, step := range moments() {
		errno := []string{"ENOSPC", "EMFILE", "ENOMEM", "EPERM"}[i%4]
		t.Run(step.Name+" "+errno, func(t *testing.T) {
			report, code := b.order(t, "exit:0", everything(step.Name+":"+errno)).report(t)
			b.requireCollected(t, network)
			if code == 0 { // a step that this container does not take
				require.NotContains(t, stepNames(report), step.Name)
				return
			}
			require.Equal(t, "setup-failed", report.Outcome)
			require.True(t, report.Error.Step == step.Name || report.Error.Step == "network" && strings.HasPrefix(step.Name, "network-"), report.Error.Step)
			require.Contains(t, report.Error.Message, "injected fault")
			requireStock(t, b, before)
		})
	}
}

func stepNames(report minicontainer.Report) (names []string) {
	for _, s := range report.Steps {
		names = append(names, s.Step)
	}
	return names
}

// TestFullDisk: the mount points do not fit into the rootfs.
func TestFullDisk(t *testing.T) {
	b := newBench(t, 0)
	full := b.newRootfs(t, "full")
	require.NoError(t, unix.Mount("full", full, "tmpfs", 0, "nr_inodes=3"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(full, 0)) })
	b.rootfs = full
	before := readText("/proc/self/mountinfo")
	c := b.start(t, "exit:0")
	require.Equal(t, 128, c.end(t))
	require.Contains(t, c.stderr.String(), "no space left on device")
	require.Equal(t, before, readText("/proc/self/mountinfo"))
}

// TestFewDescriptors: a limit that is too low is said, and one that just
// suffices works.
func TestFewDescriptors(t *testing.T) {
	b := newBench(t, 0)
	worked := false
	for limit := 6; limit <= 40 && !worked; limit += 2 {
		cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("ulimit -n %d; exec %s run --rootfs %s --env %s=exit:0 -- probe",
			limit, executable(t), b.rootfs, probeEnv))
		var said bytes.Buffer
		cmd.Stderr = &said
		err := cmd.Run()
		worked = err == nil
		require.True(t, worked || said.Len() > 0, "limit %d: silence and %v", limit, err)
	}
	require.True(t, worked)
}

// TestStubborn: SIGTERM that the command ignores ends nothing; SIGKILL of the
// supervisor ends all.
func TestStubborn(t *testing.T) {
	b := newBench(t, 0)
	b.warmUp(t)
	before := takeStock(t, b)
	t.Cleanup(func() { b.killProbes() })
	c := b.start(t, "stubborn")
	require.Equal(t, "ready", c.line(t))
	require.NoError(t, c.cmd.Process.Signal(unix.SIGTERM))
	require.Equal(t, "SIGTERM ignored", c.line(t))
	require.NotZero(t, c.find(t, b))
	require.NoError(t, c.cmd.Process.Kill())
	c.cmd.Wait()
	requireStock(t, b, before)
}

// TestForkBomb: whatever has been forked dies with the supervisor.
func TestForkBomb(t *testing.T) {
	b := newBench(t, 0)
	b.warmUp(t)
	before := takeStock(t, b)
	t.Cleanup(func() { b.killProbes() })
	c := b.start(t, "bomb:60")
	for range 20 {
		require.Equal(t, "forked", c.line(t))
	}
	require.NoError(t, c.cmd.Process.Kill())
	c.cmd.Wait()
	requireStock(t, b, before)
}

// TestForkBombLimited: with a limit it does not get far, and the container
// lives and can be entered to be ended.
func TestForkBombLimited(t *testing.T) {
	b := newBench(t, 0)
	b.warmUp(t)
	t.Cleanup(b.collect)
	before := takeStock(t, b)
	t.Cleanup(func() { b.killProbes() })
	const limit = 40
	id := b.word()
	c := b.start(t, "bomb:200", "--id", id, "--pids", strconv.Itoa(limit))
	requireDoneBombing(t, c, limit)
	path := "/mini-container/" + id
	require.Positive(t, keyed(filepath.Join(hierarchy, path, "pids.events"), "max"), "the limit was never met")
	current, err := strconv.Atoi(cgroupFile(path, "pids.current"))
	require.NoError(t, err)
	require.LessOrEqual(t, current, limit)
	b.command(t, 0, "kill", "--all", id)
	require.Equal(t, 128+9, c.end(t))
	requireStock(t, b, before)
}

// TestHostPathDisappears: before the start it is an error that names it, after
// the start the container goes on.
func TestHostPathDisappears(t *testing.T) {
	b := newBench(t, 0)
	source := filepath.Join(b.base, "source")
	c := b.start(t, "exit:0", "--bind", source+":/data")
	require.Equal(t, 2, c.end(t))
	require.Contains(t, c.stderr.String(), source)

	require.NoError(t, os.Mkdir(source, 0o755))
	c = b.start(t, "wait", "--bind", source+":/data")
	c.line(t)
	require.NoError(t, os.Remove(source))
	require.Equal(t, 0, c.end(t))
}

// TestStreamsStayAsTheyAre: devices passed as standard streams keep owner and
// mode, whatever happens.
func TestStreamsStayAsTheyAre(t *testing.T) {
	b := newBench(t, 0)
	path := filepath.Join(b.base, "null")
	require.NoError(t, unix.Mknod(path, unix.S_IFCHR|0o640, int(unix.Mkdev(1, 3))))
	require.NoError(t, os.Chown(path, 123, 456))
	var before, after unix.Stat_t
	require.NoError(t, unix.Stat(path, &before))
	for _, flags := range [][]string{nil, {"--user-ns"}, {"--user-ns", "--uid-map", "0:5000:10", "--gid-map", "0:5000:10"}, {"--init"}, {"--user", "1234:77"}} {
		device, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		args := append([]string{"run", "--rootfs", b.rootfs, "--env", probeEnv + "=exit:5"}, flags...)
		cmd := exec.Command(executable(t), append(args, "--", "probe")...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = device, device, device
		cmd.Run()
		device.Close()
		require.Equal(t, 5, cmd.ProcessState.ExitCode(), strings.Join(flags, " "))
	}
	require.NoError(t, unix.Stat(path, &after))
	require.Equal(t, before.Mode, after.Mode)
	require.Equal(t, before.Uid, after.Uid)
	require.Equal(t, before.Gid, after.Gid)
	require.Equal(t, before.Ctim, after.Ctim, "the inode was touched")
}
