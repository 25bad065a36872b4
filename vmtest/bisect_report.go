package vmtest

import (
	"fmt"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
)

// BisectSchema names the document that BisectReport is.
const BisectSchema = "bisect-result/v1"

// BisectVerdict is what is known of a kernel.
type BisectVerdict string

// The verdicts.
const (
	BisectGood     BisectVerdict = "good"
	BisectBad      BisectVerdict = "bad"
	BisectSkip     BisectVerdict = "skip"     // told nothing: exit 125, not to be had, or does not boot
	BisectUntested BisectVerdict = "untested" // follows from the others, if there is one change only
)

// How a bisection ended.
const (
	BisectFound   = "found"   // Candidates is the one kernel
	BisectRange   = "range"   // one of Candidates; skips hide which
	BisectRefuted = "refuted" // an end is not what was said of it
	BisectAborted = "aborted" // stopped by the command, a signal or a fault of ours
)

// What a bisection looks for.
const (
	FirstBad  = "first-bad"
	FirstGood = "first-good"
)

// BisectReport says what a bisection found.
type BisectReport struct {
	Schema      string         `json:"schema"`
	Program     string         `json:"program"` // its base name
	Good        string         `json:"good"`
	Bad         string         `json:"bad"`
	LookingFor  string         `json:"looking_for"`
	Status      string         `json:"status"`
	Reason      string         `json:"reason,omitempty"`
	Candidates  []string       `json:"candidates"`
	TestedCount int            `json:"tested_count"`
	Kernels     []BisectKernel `json:"kernels"` // oldest first
}

// BisectKernel is one kernel of the list and how the command fared on it.
type BisectKernel struct {
	Spec       string         `json:"spec"`
	Verdict    BisectVerdict  `json:"verdict"`
	Order      int            `json:"order,omitempty"` // 1 was tried first
	Release    string         `json:"release,omitempty"`
	Outcome    report.Outcome `json:"outcome,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	ExitCode   *int           `json:"exit_code,omitempty"`
	DurationNS int64          `json:"duration_ns,omitempty"`
	BootNS     int64          `json:"boot_ns,omitempty"`
}

// take takes over how the command fared.
func (k *BisectKernel) take(r ExecResult) {
	k.Release, k.Outcome, k.Reason, k.ExitCode = r.Release, r.Outcome, r.Reason, r.ExitCode
	k.DurationNS, k.BootNS = r.DurationNS, r.BootNS
}

// text is how it fared, in words.
func (k *BisectKernel) text() string {
	switch {
	case k.Reason == "":
		return string(k.Outcome)
	case k.Outcome == report.Fail:
		return k.Reason
	}
	return fmt.Sprintf("%s: %s", k.Outcome, k.Reason)
}

// ExitCode is 0 if the kernel was found, 3 if skips hide which it is, 1 if an
// end was not what was said of it, 128 if the search was stopped.
func (r BisectReport) ExitCode() int {
	switch r.Status {
	case BisectFound:
		return exitcode.Pass
	case BisectRange:
		return exitcode.Inconclusive
	case BisectRefuted:
		return exitcode.Fail
	}
	return exitcode.Harness
}
