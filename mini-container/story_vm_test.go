//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// story is what the container looks like from inside.
type story struct {
	PID, UID, GID int
	Cwd           string
	Env           []string
	Descriptors   map[string]string // above 2, with what they lead to
	Namespaces    map[string]string
	Status        map[string]string
	Mountinfo     []string
	Hostname      string
	Interfaces    map[string]string // name -> flags
	Dev           map[string]string // name -> type and numbers
	PIDs          []string          // numeric entries of /proc
	Cmdline1      string
	Loopback      map[string]string // address -> error, "" if it works
	Attempts      map[string]string // what a container must not be able to do -> error
	HostFile      string            // content of the host's secret, "" if out of reach
}

func tellStory(secret string) story {
	s := story{
		PID: os.Getpid(), UID: os.Getuid(), GID: os.Getgid(), Env: os.Environ(),
		Descriptors: descriptors(), // before the network poller opens its own
		Namespaces:  namespaceLinks("/proc/self"), Status: statusFields("/proc/self"), Mountinfo: readLines("/proc/self/mountinfo"),
		Interfaces: map[string]string{}, Dev: listDev(), PIDs: numeric("/proc"),
		Cmdline1: readText("/proc/1/cmdline"), Attempts: attempts(), HostFile: findHostFile(secret),
	}
	s.Cwd, _ = os.Getwd()
	var uts unix.Utsname
	unix.Uname(&uts)
	s.Hostname = unix.ByteSliceToString(uts.Nodename[:])
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		s.Interfaces[i.Name] = i.Flags.String()
	}
	s.Loopback = map[string]string{"tcp4": loopback("tcp4", "127.0.0.1:0"), "tcp6": loopback("tcp6", "[::1]:0")}
	return s
}

func descriptors() map[string]string {
	open := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		n, _ := strconv.Atoi(entry.Name())
		if err != nil || n <= 2 || strings.HasPrefix(target, "anon_inode:") || target == "/sys/fs/cgroup/cpu.max" {
			continue // the listing's own, gone again; or the Go runtime's
		}
		open[entry.Name()] = target
	}
	return open
}

func listDev() map[string]string {
	dev := map[string]string{}
	entries, _ := os.ReadDir("/dev")
	for _, entry := range entries {
		path := "/dev/" + entry.Name()
		var st unix.Stat_t
		unix.Lstat(path, &st)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFCHR:
			dev[entry.Name()] = fmt.Sprintf("c %d:%d %o", unix.Major(st.Rdev), unix.Minor(st.Rdev), st.Mode&0o777)
		case unix.S_IFLNK:
			target, _ := os.Readlink(path)
			dev[entry.Name()] = "-> " + target
		case unix.S_IFDIR:
			dev[entry.Name()] = "dir"
		default:
			dev[entry.Name()] = fmt.Sprintf("mode %o", st.Mode)
		}
	}
	return dev
}

// attempts tries what must fail and keeps the name of the error, "" for none.
func attempts() map[string]string {
	try := map[string]string{}
	note := func(name string, err error) { try[name] = ""; setError(try, name, err) }
	note("sethostname", unix.Sethostname([]byte("other")))
	note("mount", unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, ""))
	note("umount /proc/sys", unix.Unmount("/proc/sys", unix.MNT_DETACH))
	note("mknod disk", unix.Mknod("/dev/shm/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(254, 0))))
	note("unshare net", unix.Unshare(unix.CLONE_NEWNET))
	for _, path := range []string{"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run"} {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		note("write "+path, err)
		if err == nil {
			unix.Close(fd)
		}
	}
	fd, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	note("write /dev/null", err)
	unix.Close(fd)
	return try
}

func setError(into map[string]string, name string, err error) {
	if errno, ok := err.(unix.Errno); ok && errno != 0 {
		into[name] = unix.ErrnoName(errno)
	} else if err != nil {
		into[name] = err.Error()
	}
}

// findHostFile looks for a file of the host, whose path outside is known, by
// every way back that there could be.
func findHostFile(path string) string {
	for _, prefix := range []string{"", "/..", "/../..", "/proc/1/root", "/proc/1/cwd", "/proc/1/root/.."} {
		if data, err := os.ReadFile(prefix + path); err == nil {
			return string(data)
		}
	}
	return ""
}

// loopback sends a byte to itself through the stack.
func loopback(network, address string) string {
	listener, err := net.Listen(network, address)
	if err != nil {
		return err.Error()
	}
	defer listener.Close()
	client, err := net.DialTimeout(network, listener.Addr().String(), 20*time.Second)
	if err != nil {
		return err.Error()
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		return err.Error()
	}
	defer server.Close()
	client.Write([]byte{7})
	answer := make([]byte, 1)
	if n, err := server.Read(answer); n != 1 || answer[0] != 7 {
		return fmt.Sprintf("read %d bytes: %v", n, err)
	}
	return ""
}
