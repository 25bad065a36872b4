package guest

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// kernel is what process 1 asks of the operating system and nobody else may:
// the seam at which tests put a recorder. Paths are absolute in the guest.
type kernel interface {
	Mount(source, target, fstype string, flags uintptr, data string) error
	Unmount(target string) error
	SwitchRoot(dir string) error
	Exec(path string, argv, env []string) error
	LoadModule(path string) error
	Sethostname(name string) error
	LinkUp(name string) error
	LimitOpenFiles(soft, hard uint64) error
	SetClock(unixNS int64) error
	AddEntropy(seed []byte) error
	FlushDisk(device string) error
	Childless() bool
	Programs() []uint32
	Kill(pid int) error
	KillAll() error
	PowerOff()
}

// process1 is the real kernel. Its zero value is used by Main only, after the
// check that this is process 1: KillAll anywhere else would be a disaster.
type process1 struct{}

func (process1) Mount(source, target, fstype string, flags uintptr, data string) error {
	return unix.Mount(source, target, fstype, flags, data)
}

// Unmount detaches: a busy file system goes when its last user does.
func (process1) Unmount(target string) error { return unix.Unmount(target, unix.MNT_DETACH) }

// SwitchRoot makes the file system mounted on dir the root of all threads
// (chroot(2) acts on the fs struct, which threads share). pivot_root(2) cannot
// be used: the initramfs is the kernel's own rootfs.
func (process1) SwitchRoot(dir string) error {
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return err
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// Exec replaces this program. Signal handlers go with it, which is all that
// ignoreSignals has done.
func (process1) Exec(path string, argv, env []string) error { return unix.Exec(path, argv, env) }

func (process1) LoadModule(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.FinitModule(fd, "", 0)
}

func (process1) Sethostname(name string) error { return unix.Sethostname([]byte(name)) }

// LinkUp sets IFF_UP (netdevice(7)).
func (process1) LinkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

func (process1) LimitOpenFiles(soft, hard uint64) error {
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: soft, Max: hard})
}

func (process1) SetClock(unixNS int64) error {
	ts := unix.NsecToTimespec(unixNS)
	return unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
}

// AddEntropy credits seed and reseeds at once (random(4)): without the second
// step two machines restored from one snapshot go on with the same stream.
func (process1) AddEntropy(seed []byte) error {
	fd, err := unix.Open("/dev/urandom", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// struct rand_pool_info { int entropy_count (bits); int buf_size; __u32 buf[]; }
	info := binary.NativeEndian.AppendUint32(nil, uint32(len(seed)*8))
	info = binary.NativeEndian.AppendUint32(info, uint32(len(seed)))
	info = append(info, seed...)
	if err := ioctlBytes(fd, unix.RNDADDENTROPY, info); err != nil {
		return fmt.Errorf("add entropy: %w", err)
	}
	if err := unix.IoctlSetInt(fd, rndReseedCRNG, 0); err != nil {
		return fmt.Errorf("reseed generator: %w", err)
	}
	return nil
}

// FlushDisk drops cached blocks (BLKFLSBUF): the kernel looked for partitions
// when it found the disk, and a snapshot may hold those blocks.
func (process1) FlushDisk(device string) error {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.IoctlSetInt(fd, unix.BLKFLSBUF, 0)
}

// Childless reports whether process 1 has no child, reaped ones aside. Then the
// machine runs nothing else: every process descends from it. This one system
// call spares most commands a walk through /proc.
func (process1) Childless() bool {
	return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == unix.ECHILD
}

// Kill ends one process.
func (process1) Kill(pid int) error {
	if os.Getpid() != 1 || pid <= 1 {
		return unix.EPERM
	}
	return unix.Kill(pid, unix.SIGKILL)
}

// KillAll kills every process but this one, in one step that a fork bomb
// cannot outrun (kill(2) with pid -1; kernel threads do not care).
func (process1) KillAll() error {
	if os.Getpid() != 1 {
		return unix.EPERM
	}
	if err := unix.Kill(-1, unix.SIGKILL); err != nil && err != unix.ESRCH {
		return err
	}
	return nil
}

// PowerOff lets the console drain and turns the machine off. It does not return.
func (process1) PowerOff() {
	_ = unix.IoctlSetInt(2, unix.TCSBRK, 1)
	unix.Sync()
	for os.Getpid() == 1 {
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
		time.Sleep(time.Second)
	}
}

// hello describes the machine.
func hello(bootID string, warnings []string) (wire.Hello, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return wire.Hello{}, fmt.Errorf("read uname: %w", err)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return wire.Hello{}, fmt.Errorf("read sysinfo: %w", err)
	}
	return wire.Hello{
		Protocol:    wire.Protocol,
		Release:     unix.ByteSliceToString(name.Release[:]),
		BootID:      bootID,
		UptimeNS:    uptimeNS(),
		CPUCount:    runtime.NumCPU(),
		MemoryBytes: int64(info.Totalram) * int64(info.Unit),
		Warnings:    warnings,
	}, nil
}

// uptimeNS is the time since boot, suspended time included.
func uptimeNS() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}
