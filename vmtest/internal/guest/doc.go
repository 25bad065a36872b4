// Package guest is PID 1 of every test machine: it brings the kernel from the
// initramfs to the state that the guest contract describes, then carries out
// what the host says over the wire protocol.
//
// [Main] is what the command vmtest-init is.
// The tables in contract.go are both what init does and what the README says.
//
// Gotcha: nothing here uses os/exec or os.Process. Process 1 has to reap every
// orphan, and a wait for "any child" would steal the exit statuses that those
// packages wait for; all processes are started and reaped by one reaper.
package guest
