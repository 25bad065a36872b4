package record

import "golang.org/x/sys/unix"

// legacyNames are calls that newer architectures do without.
var legacyNames = map[uint64]string{unix.SYS_MKDIR: "mkdir", unix.SYS_RMDIR: "rmdir"}
