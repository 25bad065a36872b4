// Package plan reads the VM test plans of the deliverables (vm-plan/v1, one
// vmtest.json per folder) and chooses what to run from them.
//
// The schema checks the form; Parse checks what a schema cannot say. A plan
// that Load accepts needs no further checks by the harness.
//
// Gotcha: Select works on a kernel series before the kernel is resolved and
// keeps what may run; only Entry.Applies, given the release that booted, says
// whether it does.
package plan
