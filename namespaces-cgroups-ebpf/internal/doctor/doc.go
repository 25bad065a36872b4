// Package doctor finds out what a machine can do for the labs.
//
// Every check says what it found as the kernel or the tool writes it, and a
// check that is not ok says what to do. The gotcha: that a file or a device
// exists proves little (/dev/kvm opens on machines where KVM does not work),
// so what can be tried is tried.
package doctor
