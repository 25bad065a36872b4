// Package exitcode names the exit codes that all commands of this module
// share, and carries one through an error up to main.
//
// Only main may call os.Exit: everything below returns an error.
package exitcode
