//go:build vmtest && linux

package minicontainer_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// TestCgroup follows one container with limits through everything that can be
// done to it, and asks the kernel each time.
func TestCgroup(t *testing.T) {
	b := newBench(t, 0)
	id := b.word()
	c := b.start(t, "spin", "--id", id, "--report", artifact(t, "limited.json"), "--memory", "64M", "--memory-swap", "0", "--memory-high", "60M",
		"--pids", "40", "--cpus", "0.5", "--cpu-weight", "300", "--cpuset-cpus", "1", "--cgroup-file", "memory.oom.group=1")
	c.line(t)
	pid := c.find(t, b)
	path := "/mini-container/" + id

	t.Run("placed and limited", func(t *testing.T) {
		require.Equal(t, path, cgroupOf(t, pid))
		require.NotEqual(t, path, cgroupOf(t, c.cmd.Process.Pid), "the supervisor is in the container's cgroup")
		require.Equal(t, []string{"1"}, statusField(pid, "Cpus_allowed_list"), "the cpuset does not bind the process (5.10)")
		for file, want := range map[string]string{
			"memory.max": strconv.Itoa(64 << 20), "memory.swap.max": "0", "memory.high": strconv.Itoa(60 << 20), "pids.max": "40",
			"cpu.max": "50000 100000", "cpu.weight": "300", "cpuset.cpus": "1", "memory.oom.group": "1",
		} {
			require.Equal(t, want, cgroupFile(path, file), file)
		}
	})
	t.Run("the limits hold", func(t *testing.T) {
		var allowed unix.CPUSet
		require.NoError(t, unix.SchedGetaffinity(pid, &allowed))
		require.Equal(t, []any{1, true}, []any{allowed.Count(), allowed.IsSet(1)})
		stat := filepath.Join(hierarchy, path, "cpu.stat")
		eventually(t, "half a processor is enough for who spins", func() bool { return keyed(stat, "nr_throttled") > 0 })
	})
	t.Run("list and ps", func(t *testing.T) {
		var list minicontainer.List
		b.commandJSON(t, "list.json", &list, "list")
		require.Len(t, list.Containers, 1)
		require.Equal(t, []any{id, "running", pid, path}, []any{list.Containers[0].ID, list.Containers[0].Status, list.Containers[0].PID, list.Containers[0].Cgroup})
		var ps minicontainer.ProcessList
		b.commandJSON(t, "ps.json", &ps, "ps", id)
		require.Len(t, ps.Processes, 1)
		require.Equal(t, []any{pid, 1, "probe"}, []any{ps.Processes[0].PID, ps.Processes[0].InnerPID, ps.Processes[0].Command[0]})
	})
	t.Run("pause and resume", func(t *testing.T) { testPause(t, b, id, path) })
	t.Run("stats", func(t *testing.T) {
		var stats minicontainer.ContainerStats
		b.commandJSON(t, "stats.json", &stats, "stats", id)
		require.GreaterOrEqual(t, stats.CPU.UsageNS/1000, uint64(1))
		require.LessOrEqual(t, stats.CPU.UsageNS/1000, uint64(keyed(filepath.Join(hierarchy, path, "cpu.stat"), "usage_usec")))
		require.Equal(t, uint64(64<<20), *stats.Memory.Max)
		require.Equal(t, uint64(40), *stats.Pids.Max)
		require.Equal(t, cgroupFile(path, "pids.current"), strconv.FormatUint(stats.Pids.Current, 10))
	})
	t.Run("update", func(t *testing.T) {
		b.command(t, 0, "update", id, "--memory", "80M", "--pids", "50", "--cpuset-cpus", "0")
		require.Equal(t, []string{strconv.Itoa(80 << 20), "50"}, []string{cgroupFile(path, "memory.max"), cgroupFile(path, "pids.max")})
		require.Equal(t, []string{"0"}, statusField(pid, "Cpus_allowed_list"))
		require.Contains(t, b.command(t, 2, "update", id, "--memory", "4K"), "bytes are in use")
		require.Equal(t, strconv.Itoa(80<<20), cgroupFile(path, "memory.max"))
	})
	b.command(t, 2, "kill", id, "SIGNOTHING")
	b.command(t, 0, "kill", id)
	require.Equal(t, 128+9, c.end(t))
	r := readReport(t, artifact(t, "limited.json"))
	require.Equal(t, path, r.Cgroup)
	require.Nil(t, r.OOM, "SIGKILL is no OOM kill")
	require.NoDirExists(t, hierarchy+"/mini-container", "the cgroup is left")
	require.Contains(t, b.command(t, 2, "pause", id), "no such container")
}

func testPause(t *testing.T, b *bench, id, path string) {
	b.command(t, 0, "pause", id)
	events := filepath.Join(hierarchy, path, "cgroup.events")
	require.Equal(t, 1, keyed(events, "frozen"))
	stat := filepath.Join(hierarchy, path, "cpu.stat")
	used := keyed(stat, "usage_usec")
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, used, keyed(stat, "usage_usec"), "it runs while it is paused")
	require.Contains(t, b.command(t, 0, "list"), "paused")
	b.command(t, 0, "resume", id)
	require.Equal(t, 0, keyed(events, "frozen"))
	eventually(t, "it does not go on", func() bool { return keyed(stat, "usage_usec") > used })
}

// TestIOLimits: rates for a real disk, set at the start and changed later.
func TestIOLimits(t *testing.T) {
	b := newBench(t, 0)
	disk := strings.TrimSpace(readText("/sys/class/block/vdd/dev"))
	require.NotEmpty(t, disk)
	id := b.word()
	c := b.start(t, "wait", "--id", id, "--io-max", disk+" rbps=1048576 wiops=100")
	c.line(t)
	path := "/mini-container/" + id
	require.Equal(t, disk+" rbps=1048576 wbps=max riops=max wiops=100", cgroupFile(path, "io.max"))
	b.command(t, 0, "update", id, "--io-max", disk+" rbps=max wbps=2097152")
	require.Equal(t, disk+" rbps=max wbps=2097152 riops=max wiops=100", cgroupFile(path, "io.max"))
	b.command(t, 2, "update", id, "--io-max", "99:99 rbps=1")
	require.Equal(t, 0, c.end(t))
}

// TestOOMKill: the report says what the machine's own counter says.
func TestOOMKill(t *testing.T) {
	b := newBench(t, 0)
	before := keyed("/proc/vmstat", "oom_kill")
	c := b.start(t, "eat", "--memory", "48M", "--memory-swap", "0", "--report", artifact(t, "oom.json"))
	require.Equal(t, 128+9, c.end(t), "stderr: %s", &c.stderr)
	killed := keyed("/proc/vmstat", "oom_kill") - before
	require.Positive(t, killed)
	r := readReport(t, artifact(t, "oom.json"))
	require.NotNil(t, r.OOM)
	require.Equal(t, uint64(killed), r.OOM.Kills)
	require.Equal(t, uint64(48<<20), *r.OOM.Max)
	require.Positive(t, r.OOM.Hits)
}

// TestCgroupRefusals: limits that cannot be set are no reason to run without.
func TestCgroupRefusals(t *testing.T) {
	b := newBench(t, 0)
	pid := holder(t, "/busy")
	tests := []struct {
		name  string
		flags []string
		code  int
		want  string
	}{
		{"no internal processes", []string{"--cgroup", "/busy/x", "--memory", "64M"}, 4, "cgroup /busy holds processes [" + strconv.Itoa(pid) + "]"},
		{"no such controller", []string{"--cgroup-file", "dmem.max=1"}, 4, "not dmem"},
		{"no such file", []string{"--cgroup-file", "memory.nothing=1"}, 4, "this kernel has no memory.nothing"},
		{"no such processor", []string{"--cpuset-cpus", "99"}, 2, "limit cpuset"},
		{"no such device", []string{"--io-max", "99:99 rbps=1"}, 2, "no such device"},
		{"quota too small", []string{"--cgroup-file", "cpu.max=500 100000"}, 2, "below 1 ms"},
		{"path is taken", []string{"--cgroup", "/busy"}, 2, "file exists"},
		{"limits without a cgroup", []string{"--cgroup", "none", "--pids", "5"}, 2, "limits need a cgroup"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := b.start(t, "exit:0", tt.flags...)
			require.Equal(t, tt.code, c.end(t), "stderr: %s", &c.stderr)
			require.Contains(t, c.stderr.String(), tt.want)
			require.NoDirExists(t, hierarchy+"/mini-container")
			require.NoDirExists(t, hierarchy+"/busy/x")
			require.NoError(t, unix.Kill(pid, 0))
			require.Equal(t, "/busy", cgroupOf(t, pid))
		})
	}
}

// TestLeastMemory: where not even the set-up fits, that is said.
func TestLeastMemory(t *testing.T) {
	b := newBench(t, 0)
	c := b.start(t, "exit:0", "--memory", "64K")
	require.Equal(t, 2, c.end(t), &c.stderr)
	require.Contains(t, c.stderr.String(), "memory ran out before the command was started")
}
