// Package verdict turns a recorded trace of one VM into outcomes.
//
// Judge is a pure function: a false green seen once becomes a trace in a unit
// test and needs no VM to be seen again. A test passes only if its plan entry
// has exactly one record, the record says success, every artifact is there and
// valid, the kernel log is healthy, the session ended with a done frame whose
// counts agree, and QEMU says that the guest shut itself down.
//
// The gotcha: the order of the checks is the meaning. A kernel that oopsed is
// a splat even if the test exited 0, since nothing that ran on it is evidence.
package verdict
