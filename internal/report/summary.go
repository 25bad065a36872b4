package report

import (
	"fmt"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// Summarize counts the results and decides whether the run is green: something
// passed, every result is green unless its kernel is optional and not to be
// had, every other kernel ended well, and every deliverable kept its quota.
func (r *Report) Summarize() {
	s := Summary{TotalCount: len(r.Results)}
	counts := s.counters()
	ok := true
	for _, result := range r.Results {
		if n := counts[result.Outcome]; n != nil {
			*n++
		}
		ok = ok && (result.Outcome.Green() || r.excused(result))
	}
	// Nothing but skips, or nothing but excused kernels, has shown nothing.
	s.Green = ok && s.PassCount > 0 && r.kernelsOK() && !r.overQuota()
	r.Summary = s
}

// kernelsOK: a kernel that died after its last test is not green, whatever
// its results say, and neither is one without any result.
func (r *Report) kernelsOK() bool {
	tested := map[string]bool{}
	for _, result := range r.Results {
		tested[result.Series] = true
	}
	for _, k := range r.Kernels {
		if !tested[k.Series] || k.Outcome != Pass && !(k.Outcome == Unavailable && k.Optional) {
			return false
		}
	}
	return true
}

func (s *Summary) counters() map[Outcome]*int {
	return map[Outcome]*int{
		Pass: &s.PassCount, Fail: &s.FailCount, Skip: &s.SkipCount, Inconclusive: &s.InconclusiveCount,
		Timeout: &s.TimeoutCount, Panic: &s.PanicCount, Splat: &s.SplatCount, Lost: &s.LostCount,
		Infra: &s.InfraCount, Unavailable: &s.UnavailableCount,
	}
}

// excused: an optional kernel may be missing; it may not fail.
func (r *Report) excused(result Result) bool {
	if result.Outcome != Unavailable {
		return false
	}
	for _, k := range r.Kernels {
		if k.Series == result.Series {
			return k.Optional
		}
	}
	return false
}

// ExitCode is what a command that made this report exits with. What failed
// weighs more than what we got wrong, and that more than noise.
func (r *Report) ExitCode() int {
	s := r.Summary
	shown := s.PassCount + s.SkipCount + s.InconclusiveCount
	switch {
	case s.Green:
		return exitcode.Pass
	case s.FailCount+s.TimeoutCount+s.PanicCount+s.SplatCount > 0 || r.overQuota():
		return exitcode.Fail
	case shown == 0 || shown+r.excusedCount() < s.TotalCount || !r.kernelsOK():
		return exitcode.Harness
	case s.InconclusiveCount > 0:
		return exitcode.Inconclusive
	}
	return exitcode.Unsupported // every test was skipped
}

func (r *Report) excusedCount() int {
	n := 0
	for _, result := range r.Results {
		if r.excused(result) {
			n++
		}
	}
	return n
}

func (r *Report) overQuota() bool {
	for _, q := range r.Quota {
		if !q.Within {
			return true
		}
	}
	return false
}

// String is the count on one line: "20 passed, 0 failed, 1 skipped", and what
// is neither: "1 lost".
func (s Summary) String() string {
	counts := s.counters()
	text := fmt.Sprintf("%d passed, %d failed, %d skipped", s.PassCount, s.FailCount+s.TimeoutCount+s.PanicCount+s.SplatCount, s.SkipCount)
	for _, o := range []Outcome{Inconclusive, Lost, Infra, Unavailable} {
		if n := *counts[o]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, o)
		}
	}
	return text
}
