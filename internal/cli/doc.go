// Package cli gives every command of this module the same manners: --version,
// one line per error, and the exit codes of internal/exitcode.
//
// The gotcha: it changes the command tree it is given. A tree is run once.
package cli
