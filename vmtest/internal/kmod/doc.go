// Package kmod answers, on the host and without loading anything, which
// modules a kernel needs for a task and in which order: it reads `depends=`
// and `softdep=` from the .modinfo section of the module files, honours
// modules.builtin, and decompresses modules for an initramfs.
//
// The order differs between kernels (virtio_pci needs two helpers on 6.1 and
// none on 5.10), so it is never a fixed list. Mind that a name a task needs
// may be built in: Order leaves it out, and fails only when it is in neither
// place.
package kmod
