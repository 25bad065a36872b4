// Package cache holds what the caches of kernels, root disks and snapshots have
// in common: locks of those who make an entry, marks of those who use one, sizes
// on disk, and what was removed.
//
// All locks are flock(2): the kernel gives them back when their holder dies.
package cache
