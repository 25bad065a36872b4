// Package image makes the file systems a guest boots from: the root disk, a
// Debian userland built by mmdebstrap once and cached under a hash of its
// recipe, and small ext4 disks made from a directory.
//
// Root is not needed: without it the build runs in a user namespace in which
// the caller is root and its subordinate ids (/etc/subuid) are the others, so
// that one code path serves both. Either way it has mount and PID namespaces of
// its own, which is why killing it leaves neither mounts nor processes.
//
// Gotcha: the disks have no journal and no reserved blocks, and their features
// are named one by one, because a newer mke2fs switches on features by default
// which a 5.10 kernel does not know.
package image
