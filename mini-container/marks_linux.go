package minicontainer

import "golang.org/x/sys/unix"

// marker makes marks for whoever traces this process. They are no calls of a
// container's making, so without a tracer there are none.
func marker(on bool) func(text string) {
	if !on {
		return func(string) {}
	}
	return func(text string) { _, _ = unix.Write(-1, []byte(text)) } // EBADF is what is meant
}
