// Package landlock lets a thread give up access to files and TCP ports for
// good, see landlock(7). It asks the kernel what it can check first: a right
// that is not checked would be one that is not taken away.
package landlock
