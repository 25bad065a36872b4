package multitenantcgroups

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const mib = 1 << 20

func memoryRun(touched, peak uint64, locked, completed bool, signal syscall.Signal) Run {
	return Run{Ran: true, Completed: completed, Signal: int(signal), Touched: &touched, Peak: &peak, Locked: &locked}
}

func TestJudgeMemory(t *testing.T) {
	free := memoryRun(128*mib, 128*mib, true, true, 0)
	tests := []struct {
		name         string
		run, control Run
		oomKills     uint64
		want         Verdict
	}{
		{"killed at the limit", memoryRun(63*mib, 64*mib, true, false, syscall.SIGKILL), free, 1, Pass},
		{"not killed at all", memoryRun(128*mib, 128*mib, true, true, 0), free, 0, Fail},
		{"killed at a higher limit", memoryRun(96*mib, 64*mib, true, false, syscall.SIGKILL), free, 1, Fail},
		{"current was higher", memoryRun(63*mib, 80*mib, true, false, syscall.SIGKILL), free, 1, Fail},
		{"exceeded, and the control run failed", memoryRun(128*mib, 128*mib, true, true, 0), Run{}, 0, Fail},
		{"control run was killed too", memoryRun(63*mib, 64*mib, true, false, syscall.SIGKILL), memoryRun(63*mib, 64*mib, true, false, syscall.SIGKILL), 1, Inconclusive},
		{"killed by somebody else", memoryRun(30*mib, 31*mib, true, false, syscall.SIGKILL), free, 0, Inconclusive},
		{"stuck", memoryRun(30*mib, 31*mib, true, false, 0), free, 0, Inconclusive},
		{"other signal", memoryRun(30*mib, 31*mib, true, false, syscall.SIGBUS), free, 1, Inconclusive},
		{"held by swapping", memoryRun(128*mib, 64*mib, false, true, 0), free, 0, Pass},
		{"locked all below the limit", memoryRun(60*mib, 60*mib, true, true, 0), free, 0, Fail},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, reason := judgeMemory(64*mib, tt.run, tt.control, tt.oomKills)
			require.Equal(t, tt.want, got, reason)
			require.NotEmpty(t, reason)
		})
	}
}

func pidsRun(forks, processes uint64, errno syscall.Errno) Run {
	return Run{Ran: true, Completed: errno == 0, Errno: int(errno), Forks: &forks, Processes: &processes}
}

func TestJudgePids(t *testing.T) {
	free := pidsRun(48, 49, 0)
	tests := []struct {
		name         string
		run, control Run
		want         Verdict
	}{
		{"refused at the limit", pidsRun(19, 20, syscall.EAGAIN), free, Pass},
		{"one more", pidsRun(20, 21, syscall.EAGAIN), free, Fail},
		{"never refused", pidsRun(48, 49, 0), free, Fail},
		{"refused early", pidsRun(7, 8, syscall.EAGAIN), free, Inconclusive},
		{"other errno", pidsRun(19, 20, syscall.ENOMEM), free, Inconclusive},
		{"stuck", pidsRun(7, 8, 0), free, Inconclusive},
		{"control run was refused too", pidsRun(19, 20, syscall.EAGAIN), pidsRun(19, 20, syscall.EAGAIN), Inconclusive},
		{"exceeded, and the control run failed", pidsRun(30, 31, 0), Run{}, Fail},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, reason := judgePids(20, 1, tt.run, tt.control)
			require.Equal(t, tt.want, got, reason)
			require.NotEmpty(t, reason)
		})
	}
}

func spinRun(used float64, periods, throttled uint64) Run {
	one := 1
	usage := uint64(used * 25e6 * float64(periods))
	return Run{
		Ran: true, Completed: true, LimitUsed: used, DurationNS: int64(periods) * 100e6,
		UsageNS: &usage, Periods: &periods, Throttled: &throttled, Spinners: &one,
	}
}

func TestJudgeCPU(t *testing.T) {
	quiet := stalls{worst: 10 * time.Millisecond}
	noisy := stalls{worst: 300 * time.Millisecond, total: 600 * time.Millisecond}
	choppy := stalls{worst: 40 * time.Millisecond, total: 2 * time.Second}
	free := spinRun(2, 0, 0)
	tests := []struct {
		name         string
		run, control Run
		noise        stalls
		unlimited    bool
		want         Verdict
	}{
		{"what the quota allows", spinRun(0.98, 40, 39), free, quiet, false, Pass},
		{"limit is gone", spinRun(2, 0, 0), free, quiet, true, Fail},
		{"limit is gone, in noise", spinRun(1.1, 0, 0), free, noisy, true, Fail},
		{"limit is gone, and the control run was starved", spinRun(1.1, 0, 0), Run{}, noisy, true, Fail},
		{"no period yet, in noise", spinRun(2.6, 0, 0), free, noisy, false, Inconclusive},
		{"few periods", spinRun(1, 3, 3), free, quiet, false, Inconclusive},
		{"a higher quota", spinRun(1.4, 40, 39), free, quiet, false, Fail},
		{"a higher quota, in noise", spinRun(1.4, 150, 140), free, noisy, false, Fail},
		{"a quota for all that spin", spinRun(2, 40, 0), free, quiet, false, Fail},
		{"far above, in few periods", spinRun(5.9, 9, 9), free, quiet, false, Inconclusive},
		{"a lower quota", spinRun(0.5, 40, 40), free, quiet, false, Fail},
		{"starved", spinRun(0.5, 40, 3), free, quiet, false, Inconclusive},
		{"a stall that is not repaid", spinRun(2.59, 5, 2), free, noisy, false, Inconclusive},
		{"a stall that nobody noticed", spinRun(1.4, 5, 4), free, quiet, false, Inconclusive},
		{"noise widens the bounds", spinRun(1.2, 40, 39), free, noisy, false, Pass},
		{"many short stalls widen the bounds", spinRun(0.6, 40, 30), free, choppy, false, Pass},
		{"noise beyond the bounds", spinRun(1.4, 20, 19), free, noisy, false, Inconclusive},
		{"starved by noise", spinRun(0.3, 40, 40), free, noisy, false, Inconclusive},
		{"not throttled enough", spinRun(0.9, 40, 3), free, quiet, false, Fail},
		{"control run was limited too", spinRun(0.98, 40, 39), spinRun(1.01, 40, 39), quiet, false, Inconclusive},
		{"no control run", spinRun(0.98, 40, 39), Run{}, quiet, false, Inconclusive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, reason, _ := judgeCPU(tt.run, tt.control, tt.noise, tt.unlimited)
			require.Equal(t, tt.want, got, reason)
			require.NotEmpty(t, reason)
		})
	}
}

func TestCPURun(t *testing.T) {
	start := time.Unix(0, 0)
	begin := cpuSample{start, cpuStat{usage: 1000}}
	end := cpuSample{start.Add(time.Second), cpuStat{usage: 501000, periods: 10, throttled: 9}}
	run := cpuRun(begin, end, "50000 100000", 1)
	require.InDelta(t, 1.0, run.LimitUsed, 1e-9)
	require.Equal(t, uint64(500000000), *run.UsageNS)
	end.at, end.periods = start.Add(500*time.Millisecond), 0
	run = cpuRun(begin, end, "50000 100000", 1)
	require.InDelta(t, 2.0, run.LimitUsed, 1e-9, "by the wall clock where no periods are counted")
}

func TestJudgeDrift(t *testing.T) {
	for before, want := range map[Verdict]Verdict{Pass: Fail, Inconclusive: Fail, Fail: Fail, Unsupported: Unsupported} {
		p := Proof{Verdict: before, PolicyValue: "20", KernelValue: "21"}
		judgeDrift(&p)
		require.Equal(t, want, p.Verdict)
	}
	p := Proof{Verdict: Pass, PolicyValue: "20", KernelValue: "20"}
	judgeDrift(&p)
	require.Equal(t, Pass, p.Verdict)
}

func TestWorse(t *testing.T) {
	require.Equal(t, Fail, worse(Fail, Inconclusive))
	require.Equal(t, Inconclusive, worse(Unsupported, Inconclusive))
	require.Equal(t, Pass, worse("", Pass))
}

func TestCounters(t *testing.T) {
	keys := evidenceOf[PidsMax]
	before := map[counterKey]string{{"pids.current", ""}: "0", {"pids.events", "max"}: "1"}
	after := map[counterKey]string{{"pids.current", ""}: "0", {"pids.events", "max"}: "3"}
	pairs := compare("r/a", keys, before, after)
	require.Equal(t, []Counter{
		{Cgroup: "r/a", File: "pids.current", Before: "0", After: "0"},
		{Cgroup: "r/a", File: "pids.events", Key: "max", Before: "1", After: "3"},
	}, pairs)
	require.Equal(t, uint64(2), growth(pairs, "pids.events", "max"))
	require.Equal(t, []string{"pids.peak"}, missing(keys, after))
	value, ok := pick("max 1\nmaximum 2\n", "maximum")
	require.True(t, ok)
	require.Equal(t, "2", value)
	_, ok = pick("max 1\n", "ma")
	require.False(t, ok)
}
