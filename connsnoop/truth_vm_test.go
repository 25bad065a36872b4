//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// truth is one end of one connection, as the processes that had it know it.
// The zero value of a field says that there is no such thing, unless its
// comment says that it is not known.
type truth struct {
	Label     string // tells the ends of a scenario apart, for people
	Direction string // "connect" or "accept"
	Kind      string // "close" or "failed"; "none" if there must be no record
	Mapped    bool
	Local     netip.AddrPort // port 0: not known
	Remote    netip.AddrPort
	Netns     uint64

	Opener, Closer who
	PIDSource      string
	CgroupID       uint64
	CgroupPath     string

	Result string
	Errno  int

	// Times are CLOCK_MONOTONIC, read around the system calls; 0 is no bound.
	Opened, Established, Closed span
	SYN                         int64 // not sent before; 0 is with Opened

	Tx, Rx          uint64
	Retransmits     uint32 // at least; MostRetransmits is those of all its namespace
	MostRetransmits uint32
	SRTT            span // microseconds, as TCP_INFO has it
	MinRTT          span // the same
	MPTCP           bool
	TFO             bool
	Seeded          bool
	State           string // that the end found; "" is not known
}

// span is a closed interval.
type span struct{ From, Until int64 }

// who is a process and a thread as /proc shows them: numbers of the initial
// namespaces, except NSPID.
type who struct {
	PID, TID, PPID, UID, NSPID int
	Comm                       string
}

// whoAmI asks /proc, which is that of the initial PID namespace, about the
// calling thread.
func whoAmI() (who, error) {
	link, err := os.Readlink("/proc/thread-self")
	if err != nil {
		return who{}, fmt.Errorf("ask for own number: %w", err)
	}
	pid, tid, _ := strings.Cut(link, "/task/")
	w := who{UID: os.Getuid(), NSPID: os.Getpid()}
	if w.PID, err = strconv.Atoi(pid); err != nil {
		return who{}, err
	}
	if w.TID, err = strconv.Atoi(tid); err != nil {
		return who{}, err
	}
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		return who{}, err
	}
	w.Comm = strings.TrimSuffix(string(name), "\n")
	w.PPID, err = parentOf()
	return w, err
}

func parentOf() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("ask for parent: %w", err)
	}
	_, rest, _ := strings.Cut(string(status), "\nPPid:\t")
	line, _, _ := strings.Cut(rest, "\n")
	return strconv.Atoi(line)
}

// place notes where the calling process is: network namespace and cgroup.
func (t *truth) place() error {
	netns, err := os.Stat("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	t.Netns = netns.Sys().(*syscall.Stat_t).Ino
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return fmt.Errorf("ask for own cgroup: %w", err)
	}
	_, path, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), "0::")
	t.CgroupPath = path
	group, err := os.Stat("/sys/fs/cgroup" + path)
	if err != nil {
		return err
	}
	t.CgroupID = group.Sys().(*syscall.Stat_t).Ino
	return nil
}

// name notes the two ends of a socket.
func (t *truth) name(fd int) error {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("get own address: %w", err)
	}
	t.Local = addrPort(local)
	remote, err := unix.Getpeername(fd)
	if errors.Is(err, unix.ENOTCONN) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get peer's address: %w", err)
	}
	t.Remote = addrPort(remote)
	return nil
}

// info is what the kernel tells a socket's owner about it.
func info(fd int) (*unix.TCPInfo, error) {
	i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return nil, fmt.Errorf("get TCP info: %w", err)
	}
	return i, nil
}
