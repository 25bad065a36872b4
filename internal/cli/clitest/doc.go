// Package clitest runs the testdata/*.txt scripts of a command.
//
// Besides testscript's own commands there is "exitcode N PROGRAM ARGS...",
// since "! exec" is content with any failure.
package clitest
