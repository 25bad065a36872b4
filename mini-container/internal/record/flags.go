package record

import (
	"fmt"
	"strings"

	"github.com/moby/sys/capability"
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

var moveFlags = flagSet{
	{0x1, "MOVE_MOUNT_F_SYMLINKS"}, {0x2, "MOVE_MOUNT_F_AUTOMOUNTS"}, {0x4, "MOVE_MOUNT_F_EMPTY_PATH"},
	{0x10, "MOVE_MOUNT_T_SYMLINKS"}, {0x20, "MOVE_MOUNT_T_AUTOMOUNTS"}, {0x40, "MOVE_MOUNT_T_EMPTY_PATH"},
}

var (
	fsopenFlags  = flagSet{{0x1, "FSOPEN_CLOEXEC"}}
	fsmountFlags = flagSet{{0x1, "FSMOUNT_CLOEXEC"}}
	attrFlags    = flagSet{
		{0x1, "MOUNT_ATTR_RDONLY"}, {0x2, "MOUNT_ATTR_NOSUID"}, {0x4, "MOUNT_ATTR_NODEV"}, {0x8, "MOUNT_ATTR_NOEXEC"},
		{0x10, "MOUNT_ATTR_NOATIME"}, {0x20, "MOUNT_ATTR_STRICTATIME"}, {0x80, "MOUNT_ATTR_NODIRATIME"},
		{0x100000, "MOUNT_ATTR_IDMAP"}, {0x200000, "MOUNT_ATTR_NOSYMFOLLOW"},
	}
)

var atFlags = flagSet{
	{0x100, "AT_SYMLINK_NOFOLLOW"}, {0x200, "AT_REMOVEDIR"}, {0x400, "AT_SYMLINK_FOLLOW"}, {0x1000, "AT_EMPTY_PATH"}, {0x8000, "AT_RECURSIVE"},
}

var (
	openFlags  = flagSet{{0x800, "O_NONBLOCK"}, {0x4000, "O_DIRECT"}, {0x80000, "O_CLOEXEC"}}
	lockFlags  = flagSet{{0x1, "LOCK_SH"}, {0x2, "LOCK_EX"}, {0x4, "LOCK_NB"}, {0x8, "LOCK_UN"}}
	rangeFlags = flagSet{{0x2, "CLOSE_RANGE_UNSHARE"}, {0x4, "CLOSE_RANGE_CLOEXEC"}}
)

// fsconfigCommands is enum fsconfig_command of linux/mount.h.
var fsconfigCommands = []string{
	"FSCONFIG_SET_FLAG", "FSCONFIG_SET_STRING", "FSCONFIG_SET_BINARY", "FSCONFIG_SET_PATH", "FSCONFIG_SET_PATH_EMPTY",
	"FSCONFIG_SET_FD", "FSCONFIG_CMD_CREATE", "FSCONFIG_CMD_RECONFIGURE",
}

func fsconfigCommand(v uint64) string {
	if v < uint64(len(fsconfigCommands)) {
		return fsconfigCommands[v]
	}
	return fmt.Sprint(v)
}

// text0 is text, but for no flags at all.
func (f flagSet) text0(v uint64) string {
	if v == 0 {
		return "0"
	}
	return f.text(v)
}

// lastDescriptor is how close_range(2) is told "and all above".
const lastDescriptor = 1<<32 - 1

func upTo(v uint64) string {
	if uint32(v) == lastDescriptor {
		return "~0"
	}
	return fmt.Sprint(uint32(v))
}

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

// prctlArgument is what the second argument means to some of them.
func prctlArgument(operation, v uint64) string {
	name := ""
	switch prctlNames[uint64(uint32(operation))] {
	case "PR_CAPBSET_DROP":
		name = "CAP_" + strings.ToUpper(capability.Cap(v).String())
	case "PR_CAP_AMBIENT":
		name = map[uint64]string{1: "PR_CAP_AMBIENT_IS_SET", 2: "PR_CAP_AMBIENT_RAISE", 3: "PR_CAP_AMBIENT_LOWER", 4: "PR_CAP_AMBIENT_CLEAR_ALL"}[v]
	case "PR_SET_PDEATHSIG":
		name = map[uint64]string{9: "SIGKILL", 15: "SIGTERM"}[v]
	}
	if name == "" || name == "CAP_UNKNOWN" {
		return fmt.Sprintf("%#x", v)
	}
	return name
}

// seccompOperations is what seccomp(2) can be asked for, in order.
var seccompOperations = []string{"SECCOMP_SET_MODE_STRICT", "SECCOMP_SET_MODE_FILTER", "SECCOMP_GET_ACTION_AVAIL", "SECCOMP_GET_NOTIF_SIZES"}

func seccompOperation(v uint64) string {
	if v < uint64(len(seccompOperations)) {
		return seccompOperations[v]
	}
	return fmt.Sprint(v)
}

// ioctlNames are those of terminals and interfaces that containers need, the
// same on both of our architectures.
var ioctlNames = map[uint64]string{
	0x5402: "TCSETS", 0x540e: "TIOCSCTTY", 0x5414: "TIOCSWINSZ", 0x5441: "TIOCGPTPEER", 0x40045431: "TIOCSPTLCK", 0x80045430: "TIOCGPTN",
	0x8913: "SIOCGIFFLAGS", 0x8914: "SIOCSIFFLAGS",
}

func ioctlName(v uint64) string {
	if name, found := ioctlNames[uint64(uint32(v))]; found {
		return name
	}
	return fmt.Sprintf("%#x", uint32(v))
}
