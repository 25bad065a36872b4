// Package filelimit knows the limit of open files that this program was
// started with. Package syscall raises it for Go's own use when it is
// initialised, and only Go's own way of starting programs puts it back.
//
// This package must import nothing, not even syscall: then it is initialised
// before that one, for packages that are ready are taken in the order of their
// import paths (The Go Programming Language Specification, "Program
// initialization").
package filelimit

// limits is struct rlimit64.
type limits struct{ soft, _ uint64 }

// prlimit asks for RLIMIT_NOFILE of this process, see prlimit(2). It returns 0
// or a negated errno.
//
//go:noescape
func prlimit(into *limits) uintptr

var soft = read()

func read() uint64 {
	var l limits
	if prlimit(&l) != 0 {
		return 0
	}
	return l.soft
}

// Soft is the soft limit at the start; 0 if it could not be read.
func Soft() uint64 { return soft }
