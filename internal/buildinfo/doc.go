// Package buildinfo tells which build of this module a binary is, for
// --version and for the provenance of reports.
//
// The answer comes from what the Go toolchain records in every binary
// (runtime/debug.BuildInfo); nothing has to be passed to the linker.
package buildinfo
