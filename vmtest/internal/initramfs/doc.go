// Package initramfs writes the guest's first file system: an uncompressed
// newc cpio with our static binary as /init, the modules this kernel needs to
// reach its disks, and the directories init mounts on.
//
// The bytes depend on the Spec alone: no times, owners or inode numbers of
// the host. /dev/console must be in it as a real device node, because
// Debian's kernels have DEVTMPFS_MOUNT off and the kernel opens it for PID 1
// before init can mount anything.
package initramfs
