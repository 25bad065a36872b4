package minicontainer

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/landlock"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
)

// Landlock is what a container may still reach, where the kernel has Landlock.
type Landlock = landlock.Rules

// Privileges is what a command may do, beside the defaults of NewSpec.
type Privileges struct {
	User       string              // "USER" or "USER:GROUP", numbers or names of the container; "" is root
	AddCaps    []string            // "CAP_NET_RAW", "net_raw" or "all"
	DropCaps   []string            // taken away before AddCaps is added
	Ambient    []string            // kept by a command that does not run as root
	Privileged bool                // programs may gain privileges: no no_new_privs
	Seccomp    *specs.LinuxSeccomp // instead of the default profile
	Unfiltered bool                // no seccomp at all
	Rlimits    []specs.POSIXRlimit
	OOMScore   *int
	Sysctls    map[string]string
	AppArmor   string // name of a loaded profile
	Landlock   Landlock
}

// Apply puts the privileges into a configuration.
func (p Privileges) Apply(spec *specs.Spec, extra *Extra) error {
	if err := p.applyCapabilities(spec.Process.Capabilities); err != nil {
		return err
	}
	spec.Process.NoNewPrivileges = !p.Privileged
	spec.Process.Rlimits, spec.Process.OOMScoreAdj = p.Rlimits, p.OOMScore
	spec.Process.ApparmorProfile = p.AppArmor
	spec.Linux.Sysctl = p.Sysctls
	switch {
	case p.Unfiltered:
		spec.Linux.Seccomp = nil
	case p.Seccomp != nil:
		spec.Linux.Seccomp = p.Seccomp
	case spec.Linux.Seccomp == nil || len(p.AddCaps)+len(p.DropCaps)+len(p.Ambient) > 0: // the default profile looks at them
		spec.Linux.Seccomp = seccomp.Default(spec.Process.Capabilities.Bounding)
	}
	extra.User, extra.Landlock = p.User, p.Landlock
	return nil
}

func (p Privileges) applyCapabilities(caps *specs.LinuxCapabilities) error {
	keep := caps.Bounding
	for _, change := range []struct {
		names []string
		apply func(have []string, name string) []string
	}{
		{p.DropCaps, func(have []string, name string) []string {
			return slices.DeleteFunc(have, func(h string) bool { return h == name })
		}},
		{append(slices.Clone(p.AddCaps), p.Ambient...), func(have []string, name string) []string {
			return append(slices.DeleteFunc(have, func(h string) bool { return h == name }), name)
		}},
	} {
		names, err := fullCapNames(change.names)
		if err != nil {
			return err
		}
		keep = slices.Clone(keep)
		for _, name := range names {
			keep = change.apply(keep, name)
		}
	}
	ambient, err := fullCapNames(p.Ambient)
	if err != nil {
		return err
	}
	caps.Bounding, caps.Effective, caps.Permitted = keep, keep, keep
	// The kernel takes into the ambient set only what is inheritable too.
	caps.Ambient, caps.Inheritable = ambient, ambient
	return nil
}

// fullCapNames writes names out as OCI does: "net_raw" is "CAP_NET_RAW".
func fullCapNames(names []string) ([]string, error) {
	var full []string
	for _, name := range names {
		if strings.EqualFold(name, "all") {
			full = append(full, inspect.CapabilityNames(knownCaps())...)
			continue
		}
		name = strings.ToUpper(name)
		if !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		if _, err := capMask([]string{name}); err != nil {
			return nil, err
		}
		full = append(full, name)
	}
	return full, nil
}

// checkAmbient: an inheritable capability is asked for only by asking for an
// ambient one (CVE-2022-24769, CVE-2022-29162, CVE-2022-27650).
func checkAmbient(caps *specs.LinuxCapabilities) error {
	for _, name := range caps.Inheritable {
		if !slices.Contains(caps.Ambient, name) {
			return fmt.Errorf("inheritable capability %s is not supported without the ambient one", name)
		}
	}
	for _, name := range caps.Ambient {
		if !slices.Contains(caps.Permitted, name) || !slices.Contains(caps.Inheritable, name) {
			return fmt.Errorf("ambient capability %s is not permitted and inheritable", name)
		}
	}
	return nil
}
