// Package spawn starts a process in namespaces where package os/exec cannot:
// in a user namespace whose ids another program maps, in a time namespace
// with offsets, in the namespaces of a running container, and always from a
// mount of the executable that nothing inside can write to (CVE-2019-5736).
//
// It is fork(2) and execve(2) by hand. What happens between the two is in
// child_linux.go and is written under the rules of a fork in a program with
// many threads: system calls only, no memory, no locks, no stack to grow.
package spawn
