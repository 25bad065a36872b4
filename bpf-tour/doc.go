// Package bpftour runs bpftrace recipes for a bounded time and turns what
// they print into one typed, schema-checked document (recipe-result/v1).
//
// Gotcha: bpftrace takes 0.5 s (here) to 15 s (emulated) to compile and
// attach. The time box therefore starts when bpftrace says that every probe
// is attached, and a workload that must be seen has to wait for that too: for
// the line "ready: N probes attached" on standard error.
package bpftour
