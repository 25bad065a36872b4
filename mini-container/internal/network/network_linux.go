package network

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// Manager connects and disconnects containers.
type Manager struct {
	Dir  string                            // for leases; made if it is not there
	Proc string                            // the procfs
	Lock func() (unlock func(), err error) // keeps other processes out
	At   func(place string) error          // called between the parts of Attach, see Places; nil for nothing
}

// Places are where Attach can be interrupted with something half done.
func Places() []string {
	return []string{"network-lease", "network-bridge", "network-bridge-bare", "network-veth", "network-forward", "network-nat", "network-forward6", "network-nat6", "network-end"}
}

func (m *Manager) at(place string) error {
	if m.At == nil {
		return nil
	}
	return m.At(place)
}

// Attachment is what a container got.
type Attachment struct {
	Bridge  string
	Veth    string // the end on the host; the other is eth0
	Address netip.Prefix
	// Address6 is the zero value without IPv6.
	Address6 netip.Prefix
	NAT      bool
}

// VethName is the host's end of a container's veth pair: short enough for an
// interface, different for different containers.
func VethName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return "mc-" + hex.EncodeToString(sum[:])[:12]
}

// Attach puts the network namespace of a process on the bridge. After an
// error nothing of it is left.
func (m *Manager) Attach(c Config, id string, pid int) (*Attachment, error) {
	if err := c.Check(); err != nil {
		return nil, exitcode.With(exitcode.Usage, err)
	}
	if c.HasIP6() {
		if err := m.checkIP6(); err != nil {
			return nil, err
		}
	}
	unlock, err := m.Lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	a := &Attachment{Bridge: c.Bridge, Veth: VethName(id), NAT: c.NAT}
	if err := m.attach(c, a, id, pid); err != nil {
		return nil, errors.Join(explain(err), m.detach(c.Bridge, id, c.NAT))
	}
	return a, nil
}

func (m *Manager) attach(c Config, a *Attachment, id string, pid int) error {
	var bridge netlink.Link
	parts := []struct {
		place string
		when  bool
		do    func() error
	}{
		{"network-lease", true, func() error { return m.lease(c, a, id) }},
		{"network-bridge", true, func() (err error) { bridge, err = m.ensureBridge(c); return err }},
		{"network-veth", true, func() error { return m.connect(c, a, bridge, pid) }},
		{"network-forward", c.NAT, func() error { return m.forward(forwarding4) }},
		{"network-nat", c.NAT, func() error { return addMasquerade(c, a.Address.Addr(), id) }},
		{"network-forward6", c.NAT && c.HasIP6(), m.forward6},
		{"network-nat6", c.NAT && c.HasIP6(), func() error { return addMasquerade(c, a.Address6.Addr(), id) }},
	}
	for _, part := range parts {
		if !part.when {
			continue
		}
		if err := m.at(part.place); err != nil {
			return err
		}
		if err := part.do(); err != nil {
			return err
		}
	}
	return m.at("network-end")
}

func (m *Manager) lease(c Config, a *Attachment, id string) (err error) {
	if a.Address, err = lease(m.leaseDir(c.Bridge), c, id); err == nil {
		a.Address6 = c.beside(a.Address.Addr())
	}
	return err
}

// Detach takes away what Attach made for a container, and the bridge with the
// last one. It may be called again, and for a container that got nowhere.
func (m *Manager) Detach(bridge, id string, nat bool) error {
	unlock, err := m.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	return m.detach(bridge, id, nat)
}

func (m *Manager) detach(bridge, id string, nat bool) error {
	var faults []error
	if nat {
		for i, setting := range []forwarding{forwarding4, forwarding6} {
			rules, err := removeMasquerade(families[i].table, id)
			if err == nil && rules == 0 {
				err = m.unforward(setting)
			}
			faults = append(faults, err)
		}
	}
	faults = append(faults, removeLink(VethName(id)))
	left, err := release(m.leaseDir(bridge), id)
	if err == nil && left == 0 {
		faults = append(faults, m.removeBridge(bridge))
	}
	return errors.Join(append(faults, err)...)
}

func (m *Manager) leaseDir(bridge string) string { return filepath.Join(m.Dir, bridge) }

func (m *Manager) removeBridge(name string) error {
	if err := removeBridge(name); err != nil {
		return err
	}
	for _, dir := range []string{m.leaseDir(name), m.Dir} {
		err := os.Remove(dir)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTEMPTY) {
			return fmt.Errorf("remove leases: %w", err)
		}
	}
	return nil
}

func explain(err error) error {
	switch {
	case exitcode.Of(err) == exitcode.Unsupported:
		return err
	case errors.Is(err, unix.EPERM):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (a bridge is the host's: it takes CAP_NET_ADMIN there)", err))
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPROTONOSUPPORT):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (this kernel lacks bridge, veth or nf_tables)", err))
	}
	return exitcode.With(exitcode.Harness, err)
}
