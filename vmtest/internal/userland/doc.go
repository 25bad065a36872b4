// Package userland tells, before a VM is booted, whether its root disk has what
// a program of the host needs: the loader, the libraries and their versions, or
// the interpreter of a script.
//
// It only refuses what surely cannot run. A library that is loaded at run time
// (dlopen(3)), an instruction that the CPU lacks or a missing data file shows
// in the guest.
package userland
