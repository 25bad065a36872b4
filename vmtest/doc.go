// Package vmtest runs commands on real kernels in throw-away virtual machines.
//
// Boot gives a VM; VM.Command gives a Cmd with the shape of os/exec's. Run
// stands on both: it boots every kernel of the list, runs the plan of each
// deliverable, judges what was recorded and returns a Report.
//
// The guest is never asked for a verdict. What it sends is recorded in a
// trace; internal/verdict judges the trace on the host, and everything that is
// missing from it counts against a pass.
//
// The gotcha: guest init is this module's own vmtest-init, static, found as
// Config.Init. A test binary that calls Boot needs it to be built or in PATH.
package vmtest
