package record

import (
	"fmt"
	"strings"
)

// flagSet names bits, in the order of their numbers.
type flagSet []struct {
	bit  uint64
	name string
}

// text reads "MS_BIND|MS_REC"; bits without a name are a number.
func (f flagSet) text(v uint64) string {
	var words []string
	for _, flag := range f {
		if v&flag.bit != 0 {
			words, v = append(words, flag.name), v&^flag.bit
		}
	}
	if v != 0 || len(words) == 0 {
		words = append(words, fmt.Sprintf("%#x", v))
	}
	return strings.Join(words, "|")
}

var mountFlags = flagSet{
	{0x1, "MS_RDONLY"}, {0x2, "MS_NOSUID"}, {0x4, "MS_NODEV"}, {0x8, "MS_NOEXEC"}, {0x10, "MS_SYNCHRONOUS"}, {0x20, "MS_REMOUNT"},
	{0x40, "MS_MANDLOCK"}, {0x80, "MS_DIRSYNC"}, {0x100, "MS_NOSYMFOLLOW"}, {0x400, "MS_NOATIME"}, {0x800, "MS_NODIRATIME"},
	{0x1000, "MS_BIND"}, {0x2000, "MS_MOVE"}, {0x4000, "MS_REC"}, {0x8000, "MS_SILENT"}, {0x10000, "MS_POSIXACL"},
	{0x20000, "MS_UNBINDABLE"}, {0x40000, "MS_PRIVATE"}, {0x80000, "MS_SLAVE"}, {0x100000, "MS_SHARED"}, {0x200000, "MS_RELATIME"},
	{0x1000000, "MS_STRICTATIME"}, {0x2000000, "MS_LAZYTIME"},
}

var umountFlags = flagSet{{0x1, "MNT_FORCE"}, {0x2, "MNT_DETACH"}, {0x4, "MNT_EXPIRE"}, {0x8, "UMOUNT_NOFOLLOW"}}

var treeFlags = flagSet{{0x1, "OPEN_TREE_CLONE"}, {0x1000, "AT_EMPTY_PATH"}, {0x8000, "AT_RECURSIVE"}, {0x80000, "OPEN_TREE_CLOEXEC"}}

// The flags of clone(2) that this package asks about.
const (
	exitSignal      = 0xff // of clone(2): the lowest byte
	cloneVM         = 0x100
	cloneThread     = 0x10000
	cloneIntoCgroup = 0x200000000
)

var cloneFlags = flagSet{
	{0x80, "CLONE_NEWTIME"}, {cloneVM, "CLONE_VM"}, {0x200, "CLONE_FS"}, {0x400, "CLONE_FILES"}, {0x800, "CLONE_SIGHAND"},
	{0x1000, "CLONE_PIDFD"}, {0x2000, "CLONE_PTRACE"}, {0x4000, "CLONE_VFORK"}, {0x8000, "CLONE_PARENT"}, {cloneThread, "CLONE_THREAD"},
	{0x20000, "CLONE_NEWNS"}, {0x40000, "CLONE_SYSVSEM"}, {0x80000, "CLONE_SETTLS"}, {0x100000, "CLONE_PARENT_SETTID"},
	{0x200000, "CLONE_CHILD_CLEARTID"}, {0x800000, "CLONE_UNTRACED"}, {0x1000000, "CLONE_CHILD_SETTID"}, {0x2000000, "CLONE_NEWCGROUP"},
	{0x4000000, "CLONE_NEWUTS"}, {0x8000000, "CLONE_NEWIPC"}, {0x10000000, "CLONE_NEWUSER"}, {0x20000000, "CLONE_NEWPID"},
	{0x40000000, "CLONE_NEWNET"}, {0x80000000, "CLONE_IO"}, {0x100000000, "CLONE_CLEAR_SIGHAND"}, {cloneIntoCgroup, "CLONE_INTO_CGROUP"},
}

func cloneText(v uint64) string {
	if v == 0 {
		return "no flags"
	}
	return cloneFlags.text(v)
}

// prctlNames are those that have to do with containers, from linux/prctl.h.
var prctlNames = map[uint64]string{
	1: "PR_SET_PDEATHSIG", 3: "PR_GET_DUMPABLE", 4: "PR_SET_DUMPABLE", 7: "PR_GET_KEEPCAPS", 8: "PR_SET_KEEPCAPS", 15: "PR_SET_NAME",
	21: "PR_GET_SECCOMP", 22: "PR_SET_SECCOMP", 23: "PR_CAPBSET_READ", 24: "PR_CAPBSET_DROP", 27: "PR_GET_SECUREBITS",
	28: "PR_SET_SECUREBITS", 36: "PR_SET_CHILD_SUBREAPER", 38: "PR_SET_NO_NEW_PRIVS", 39: "PR_GET_NO_NEW_PRIVS",
	47: "PR_CAP_AMBIENT", 0x53564d41: "PR_SET_VMA", 0x59616d61: "PR_SET_PTRACER",
}

// quietPrctls name a thread or memory, or only ask.
var quietPrctls = map[uint64]bool{0x53564d41: true, 15: true, 23: true, 3: true, 7: true, 21: true, 27: true, 39: true}

func prctlName(v uint64) string {
	if name, found := prctlNames[uint64(uint32(v))]; found {
		return name
	}
	return fmt.Sprint(uint32(v))
}
