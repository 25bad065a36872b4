// Package inspect reads from the kernel what isolates a process, any process:
// nothing here knows who started it.
//
// What the kernel does not tell, or not to this caller, is not guessed: the
// field is left out and listed in Report.Unknown with the reason.
//
// Gotcha: everything is read from files below /proc/PID, one after the other.
// A process that changes itself meanwhile is seen partly before, partly after.
// One that ends meanwhile is an error, ErrEnded; another one that gets its PID
// is never mixed in, because a pidfd and the open directory are held.
package inspect
