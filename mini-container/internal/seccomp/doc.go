// Package seccomp turns the seccomp part of an OCI runtime configuration into
// a program for seccomp(2), in pure Go.
//
// Read compile.go first (from the profile to one list of rules per system
// call), then condition.go (64-bit comparisons on a 32-bit machine), tree.go
// (the binary search by number), optimize.go and install_linux.go. The default
// profile is data: default.json. It is part of the program as a table and, for
// the default capabilities, as the finished filter (precompiled.go).
//
// Decisions are those of libseccomp as the well-known runtimes drive it, held
// against its own output in the tests. Where libseccomp leaves the outcome to
// the shape of its tree, or lets an argument check slip, the rules are ours:
//
//   - A rule without conditions beats all rules with conditions on the same
//     call, wherever it stands; of the others the first that matches decides.
//   - A 32-bit x86 program may make its socket and ipc calls through
//     socketcall(2) and ipc(2), whose arguments a filter cannot see. A rule
//     with conditions reaches those only if it is stricter than the default,
//     and then without the conditions.
//   - A call that nobody had thought of, numbered above all those in the
//     profile, gets ENOSYS, so that programs fall back to an older one.
package seccomp

//go:generate go run gen_syscalls.go
//go:generate go test -run ^TestGenerated -update .
