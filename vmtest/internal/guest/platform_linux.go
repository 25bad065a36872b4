package guest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const (
	// maxLeftover bounds the names in an Exit frame.
	maxLeftover = 32
	// sweepWait bounds the wait for killed processes to be gone.
	sweepWait = 5 * time.Second
	// killPolls is how often to look for the end before killing once more.
	killPolls = 100
)

// Hello implements platform.
func (m *machine) Hello() (wire.Hello, error) {
	id, err := os.ReadFile(m.path("/proc/sys/kernel/random/boot_id"))
	if err != nil {
		return wire.Hello{}, fmt.Errorf("read boot id: %w", err)
	}
	return hello(strings.TrimSpace(string(id)), m.warnings)
}

// Resume implements platform.
func (m *machine) Resume(r wire.Resume) (wire.Ready, error) { return m.resume(r) }

// AdvanceClock implements platform.
func (m *machine) AdvanceClock(d time.Duration) error {
	return m.kernel.SetClock(time.Now().Add(d).UnixNano())
}

// Log implements platform.
func (m *machine) Log(emit func(wire.Kmsg) error) (kernelLog, error) { return openKmsg(emit) }

// Start implements platform.
func (m *machine) Start(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
	return syscall.ForkExec(path, argv, attr)
}

// Sweep implements platform. Alone, everything goes: no process can hide by
// leaving its session. Beside other commands only what certainly belongs to
// this one does; the rest goes when the last command ends.
func (m *machine) Sweep(session int, alone bool) []string {
	if alone && m.kernel.Childless() {
		return nil
	}
	names := map[string]bool{}
	for deadline := time.Now().Add(sweepWait); time.Now().Before(deadline); time.Sleep(pollInterval) {
		list := listProcesses(m.path("/proc"))
		if !alone {
			list = ofSession(list, session)
		}
		for _, p := range list {
			names[p.name] = true
		}
		if len(list) == 0 || m.kill(list, alone) {
			break
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	return sorted[:min(len(sorted), maxLeftover)]
}

// kill reports whether everything is gone already, which is cheaper to find out
// here than by another walk through /proc.
func (m *machine) kill(list []process, alone bool) bool {
	if !alone {
		for _, p := range list {
			_ = m.kernel.Kill(p.pid)
		}
		return false
	}
	_ = m.kernel.KillAll()
	for range killPolls {
		if m.kernel.Childless() {
			return true
		}
		time.Sleep(pollInterval)
	}
	return false
}

// Retire implements platform. What was written is on its disk, and
// the root disk is clean, when the host looks at the images afterwards.
func (m *machine) Retire() {
	unix.Sync()
	for _, disk := range []Disk{payloadDisk, modulesDisk} {
		_ = m.kernel.Unmount(m.path(disk.Target))
	}
	_ = m.kernel.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
}
