// Package kernel parses kernel releases and knows from which one on a
// feature is there.
//
// A version is only half an answer: distributions switch features off and
// backport others. Code probes for what it needs; the table here serves
// messages and the judgement of skips: a test may skip only on a kernel that
// is older than the feature (kerneltest.Require), and the harness checks that
// claim against the kernel it booted.
package kernel
