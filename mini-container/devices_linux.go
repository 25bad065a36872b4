package minicontainer

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/devices"
)

// ParseDeviceRule reads a rule such as "allow c 10:232 rw".
func ParseDeviceRule(text string) (specs.LinuxDeviceCgroup, error) { return devices.Parse(text) }

// filterDevices attaches the filter before anyone is in the cgroup. It goes
// with the cgroup, so there is nothing to undo. Whoever asked for no rules
// gets none where there cannot be any, and the report says so.
func (s *supervisor) filterDevices() error {
	wanted := deviceRules(s.Spec.Linux.Resources)
	rules, err := devices.FromOCI(wanted)
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	s.report.DeviceFilter = &DeviceFilter{}
	if s.group == nil {
		err = exitcode.With(exitcode.Unsupported, errors.New("attach device filter: the container has no cgroup of its own"))
	} else {
		err = devices.Attach(s.group.FD(), rules)
	}
	switch {
	case err == nil:
		s.report.DeviceFilter = &DeviceFilter{Attached: true, Rules: len(rules)}
	case len(wanted) > 0 || exitcode.Of(err) != exitcode.Unsupported:
		return err
	default:
		s.report.DeviceFilter.Reason = err.Error()
	}
	return nil
}

func deviceRules(r *specs.LinuxResources) []specs.LinuxDeviceCgroup {
	if r == nil {
		return nil
	}
	return r.Devices
}

// updateDevices replaces the rules of a container that runs.
func (c *Live) updateDevices(wanted []specs.LinuxDeviceCgroup) error {
	if len(wanted) == 0 {
		return nil
	}
	rules, err := devices.FromOCI(wanted)
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	return devices.Replace(c.group.FD(), rules)
}
