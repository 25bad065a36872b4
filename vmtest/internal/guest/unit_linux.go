package guest

import (
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unit is the machine as the agent sees it, with systemd above: it kills only
// what descends from its own commands. What they had systemd start lives until
// the machine ends.
type unit struct {
	*machine
	cages *cages
}

// Start implements platform: in a control group of the command's own.
func (u *unit) Start(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	return u.cages.start(path, argv, attr)
}

// Sweep implements platform. A process belongs to a command by its control
// group or, should it have left that, by its ancestors.
func (u *unit) Sweep(session int, alone bool) []string {
	defer u.cages.remove(session, alone)
	if u.cages.empty(session) && u.kernel.Childless() {
		return nil
	}
	names := map[string]bool{}
	for deadline := time.Now().Add(sweepWait); time.Now().Before(deadline); time.Sleep(pollInterval) {
		list := u.remains(session, alone)
		if len(list) == 0 {
			break
		}
		u.cages.kill(session, alone)
		for _, p := range list {
			names[p.name] = true
			_ = u.kernel.Kill(p.pid)
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	return sorted[:min(len(sorted), maxLeftover)]
}

// remains lists what is left of a command, or of all of them when it is alone.
func (u *unit) remains(session int, alone bool) []process {
	list := listProcesses(u.path("/proc"))
	var found []process
	if alone {
		found = descendants(list, os.Getpid())
	} else {
		found = ofSession(list, session)
	}
	for _, p := range u.cages.members(session, list) {
		if !slices.Contains(found, p) {
			found = append(found, p)
		}
	}
	return found
}

// Retire implements platform. Services still write to the root disk, which is
// thrown away; what was written is on it.
func (u *unit) Retire() {
	unix.Sync()
	_ = u.kernel.Unmount(u.path(payloadDisk.Target))
}

// service is the kernel as a service may use it: it kills one process at a
// time, and never all.
type service struct{ process1 }

// Kill ends one process, neither systemd nor ourselves.
func (service) Kill(pid int) error {
	if pid <= 1 || pid == os.Getpid() {
		return unix.EPERM
	}
	return unix.Kill(pid, unix.SIGKILL)
}

// PowerOff turns the machine off without asking systemd: by now the host has
// the last word it waits for. It does not return.
func (service) PowerOff() {
	if console, err := unix.Open("/dev/console", unix.O_WRONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
		_ = unix.IoctlSetInt(console, unix.TCSBRK, 1)
	}
	unix.Sync()
	for {
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
		time.Sleep(time.Second)
	}
}
