// Package record lets a program run under ptrace(2) and writes down the system
// calls by which it makes a container, as the kernel sees them: what the
// program says of itself does not count, but for the marks at which its steps
// begin.
//
// A program that the recorded one executes is let go at its execve(2): neither
// the container's command nor newuidmap(1), which would lose its privileges,
// runs under ptrace.
//
// Gotcha: ptrace belongs to a thread, so Run keeps its goroutine on one until
// the end. It reaps every child of the calling program meanwhile.
package record
