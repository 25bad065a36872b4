package minicontainer

import (
	"fmt"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

func (s *supervisor) wantsCgroup() bool { return s.Cgroup != CgroupNone && !s.without }

// createCgroup makes the cgroup with its limits before there is a process:
// the child is born in it.
func (s *supervisor) createCgroup() error {
	if err := s.place(); err != nil || !s.wantsCgroup() {
		return err
	}
	var err error
	s.group, err = cgroup.Create(s.hierarchy, s.cgroupPath, s.Spec.Linux.Resources)
	if err != nil {
		return s.unlessOptional(err)
	}
	s.report.Cgroup = s.cgroupPath
	return nil
}

func (s *supervisor) hasCgroup() bool { return s.group != nil }

// settleCgroup applies the cpuset to the child, which 5.10 forgets at a clone.
func (s *supervisor) settleCgroup() error { return s.group.Settle() }

// readOOM asks the kernel whether memory ran out, before the cgroup that
// knows is removed.
func (s *supervisor) readOOM() error {
	oom, err := s.group.OOM()
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("read OOM events: %w", err))
	}
	s.report.OOM = oom
	return nil
}

func (s *supervisor) removeCgroup() error {
	if s.group == nil {
		return nil
	}
	return s.group.Remove()
}

func (s *supervisor) onBridge() bool { return s.Extra.Network.Mode == network.Bridge }

func (s *supervisor) networkRecord() *state.Network {
	n := s.Extra.Network
	if !s.onBridge() {
		return &state.Network{Mode: string(n.Mode)}
	}
	return &state.Network{Mode: string(n.Mode), Bridge: n.Bridge, Veth: network.VethName(s.id()), NAT: n.NAT}
}

// connect puts the child, which stands still, on the bridge.
func (s *supervisor) connect() error {
	if s.State == nil {
		return exitcode.With(exitcode.Usage, fmt.Errorf("a bridge shares addresses, so it needs a state directory"))
	}
	n := s.Extra.Network
	a, err := networkManager(s.State).Attach(n.Config, s.id(), s.process.Pid)
	if err != nil {
		return err
	}
	s.record.Network.Address = a.Address.String()
	if a.Address6.IsValid() {
		s.record.Network.Address6 = a.Address6.String()
	}
	s.report.Network = s.record.Network
	return nil
}

func (s *supervisor) disconnect() error {
	if s.State == nil {
		return nil
	}
	n := s.Extra.Network
	return networkManager(s.State).Detach(n.Bridge, s.id(), n.NAT)
}
