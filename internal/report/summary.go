package report

import "namespaces-cgroups-ebpf/internal/exitcode"

// Summarize counts the results and decides whether the run is green: there are
// results, every one is green unless its kernel is optional and not to be had,
// and every deliverable kept its quota.
func (r *Report) Summarize() {
	s := Summary{TotalCount: len(r.Results), Green: len(r.Results) > 0}
	counts := s.counters()
	for _, result := range r.Results {
		*counts[result.Outcome]++
		if !result.Outcome.Green() && !r.excused(result) {
			s.Green = false
		}
	}
	for _, q := range r.Quota {
		s.Green = s.Green && q.Within
	}
	// Nothing but excused kernels is nothing at all.
	s.Green = s.Green && s.PassCount+s.SkipCount > 0
	r.Summary = s
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

// ExitCode is what a command that made this report exits with.
func (r *Report) ExitCode() int {
	s := r.Summary
	failed := s.FailCount + s.TimeoutCount + s.PanicCount + s.SplatCount
	switch {
	case s.Green:
		return exitcode.Pass
	case failed > 0 || r.overQuota():
		return exitcode.Fail
	case s.LostCount+s.InfraCount+s.UnavailableCount > 0 || s.TotalCount == 0:
		return exitcode.Harness
	}
	return exitcode.Inconclusive
}

func (r *Report) overQuota() bool {
	for _, q := range r.Quota {
		if !q.Within {
			return true
		}
	}
	return false
}
