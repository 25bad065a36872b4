package guest

import (
	"fmt"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// seedBytes is what the kernel's generator is keyed with.
const seedBytes = 32

// resume carries out what a snapshot could not hold, before any command runs.
func (m *machine) resume(r wire.Resume) (wire.Ready, error) {
	if len(r.Seed) != seedBytes {
		return wire.Ready{}, fmt.Errorf("resume: seed has %d bytes, want %d", len(r.Seed), seedBytes)
	}
	if err := m.kernel.SetClock(r.TimeUnixNS); err != nil {
		return wire.Ready{}, fmt.Errorf("set clock to %v: %w", time.Unix(0, r.TimeUnixNS).UTC(), err)
	}
	if err := m.kernel.AddEntropy(r.Seed); err != nil {
		return wire.Ready{}, err
	}
	mounted, err := m.mountPayload(r.Binds)
	if err != nil {
		return wire.Ready{}, err
	}
	return wire.Ready{UptimeNS: uptimeNS(), Payload: mounted}, nil
}
