package plan

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// quotas is the time that the default-tier entries of a deliverable may use
// together on one kernel, under emulation.
var quotas = map[string]time.Duration{
	"mini-container":       40 * time.Second,
	"multi-tenant-cgroups": 90 * time.Second,
	"bpf-tour":             70 * time.Second,
	"connsnoop":            40 * time.Second,
}

// Quota returns the quota of a deliverable; ok is false if it has none.
func Quota(deliverable string) (quota time.Duration, ok bool) {
	quota, ok = quotas[deliverable]
	return quota, ok
}

// Select returns the plans with only those entries that a run is about: of
// the tier, for the kernel series ("6.12", "7"; "" is any), and matching one
// of the patterns (none means all). A pattern is a deliverable or a
// <deliverable>/<entry>, with the wildcards of path.Match. Plans that keep no
// entry are left out. A pattern that matches no entry of any tier or kernel
// is an error, so that a misspelt name is never a green run of nothing.
func Select(plans []Plan, tier, series string, patterns []string) ([]Plan, error) {
	if tier != TierDefault && tier != TierFull {
		return nil, fmt.Errorf("select tests: tier %q, want %s or %s", tier, TierDefault, TierFull)
	}
	if err := checkPatterns(plans, patterns); err != nil {
		return nil, fmt.Errorf("select tests: %w", err)
	}
	var selected []Plan
	for _, p := range plans {
		p.Entries = keep(p.Entries, func(e Entry) bool {
			return (tier == TierFull || e.Tier == TierDefault) && e.mayRunOn(series) && matchesAny(patterns, e)
		})
		if len(p.Entries) > 0 {
			selected = append(selected, p)
		}
	}
	return selected, nil
}

func keep(entries []Entry, want func(Entry) bool) []Entry {
	var kept []Entry
	for _, e := range entries {
		if want(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

func checkPatterns(plans []Plan, patterns []string) error {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", pattern, err)
		}
		known := slices.ContainsFunc(plans, func(p Plan) bool {
			return slices.ContainsFunc(p.Entries, func(e Entry) bool { return matches(pattern, e) })
		})
		if !known {
			return fmt.Errorf("no test matches %q (deliverables: %s)", pattern, names(plans))
		}
	}
	return nil
}

func matchesAny(patterns []string, e Entry) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matches(p, e) })
}

func matches(pattern string, e Entry) bool {
	name := e.Deliverable
	if strings.Contains(pattern, "/") {
		name = e.FullID()
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

func names(plans []Plan) string {
	var all []string
	for _, p := range plans {
		all = append(all, p.Deliverable)
	}
	return strings.Join(all, ", ")
}

// forSeries tells whether the entry is for a resolved series, "7.2".
func (e Entry) forSeries(series string) bool {
	return len(e.Kernels) == 0 || slices.ContainsFunc(e.Kernels, func(k string) bool { return within(k, series) })
}

// mayRunOn is forSeries for a series that may still resolve to several: an
// entry for "7.2" may run on the newest "7".
func (e Entry) mayRunOn(series string) bool {
	return series == "" || e.forSeries(series) ||
		slices.ContainsFunc(e.Kernels, func(k string) bool { return within(series, k) })
}

// within tells whether a series is the same as, or part of, a wider one:
// "7.2" is within "7", "6.12" is not within "6.1".
func within(wider, series string) bool {
	return series == wider || strings.HasPrefix(series, wider+".")
}

func tooOld(err error) (reason string, old bool) {
	var unsupported *kernel.UnsupportedError
	if !errors.As(err, &unsupported) {
		return "", false
	}
	return unsupported.Error(), true
}
