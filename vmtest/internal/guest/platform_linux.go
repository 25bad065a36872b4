package guest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

const (
	// maxLeftover bounds the names in an Exit frame.
	maxLeftover = 32
	// sweepWait bounds the wait for killed processes to be gone.
	sweepWait = 5 * time.Second
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

// Log implements platform.
func (m *machine) Log(emit func(wire.Kmsg) error) (kernelLog, error) { return openKmsg(emit) }

// Sweep implements platform. Alone, everything goes: no process can hide by
// leaving its session. Beside other commands only what certainly belongs to
// this one does; the rest goes when the last command ends.
func (m *machine) Sweep(session int, alone bool) []string {
	var names []string
	for deadline := time.Now().Add(sweepWait); ; time.Sleep(pollInterval) {
		list := listProcesses(m.path("/proc"))
		if !alone {
			list = ofSession(list, session)
		}
		if len(list) == 0 || time.Now().After(deadline) {
			return names
		}
		for _, p := range list {
			if len(names) < maxLeftover && !slices.Contains(names, p.name) {
				names = append(names, p.name)
			}
		}
		m.kill(list, alone)
	}
}

func (m *machine) kill(list []process, alone bool) {
	if alone {
		_ = m.kernel.KillAll()
		return
	}
	for _, p := range list {
		_ = m.kernel.Kill(p.pid)
	}
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
