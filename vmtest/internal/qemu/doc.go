// Package qemu describes a virtual machine as a value, starts QEMU for it and
// watches it.
//
// A Device is a piece of QEMU command line together with the piece of kernel
// command line that belongs to it, so that a feature is one value and cannot
// be half there. All channels to QEMU are inherited socket pairs: no socket
// path, no port, nothing left in a file system.
//
// The gotcha: QEMU's exit status is 0 for a poweroff, a reset and a panic
// alike. Ask Process.ShutdownReason, which is QMP's SHUTDOWN event.
package qemu
