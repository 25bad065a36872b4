// Package state remembers containers from one command to the next: a
// directory per container below a root, with a lock that the supervisor holds
// for as long as it lives.
//
// The kernel drops the lock when the supervisor dies, however it dies. So a
// directory whose lock can be taken belongs to nobody, and Sweep hands it to
// a function that removes what its container has left on the machine. A live
// container's lock cannot be taken, and so it is never touched.
//
// Directories are made and judged under one lock of the root: nobody sees one
// that is half made.
package state
