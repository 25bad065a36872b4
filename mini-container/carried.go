package minicontainer

import specs "github.com/opencontainers/runtime-spec/specs-go"

// carried is what of a configuration a child acts on. It is not specs.Spec
// itself because package encoding/json looks at every type that it can reach
// from there, those for Windows and virtual machines too, at each start of a
// program: that takes as long as the whole set-up of a container.
//
// TestCarried sees to it that a field is either here or known not to be a
// child's business.
type carried struct {
	Version  string         `json:"ociVersion"`
	Process  *specs.Process `json:"process"`
	Root     *specs.Root    `json:"root"`
	Hostname string         `json:"hostname,omitempty"`
	Mounts   []specs.Mount  `json:"mounts,omitempty"`
	Linux    *carriedLinux  `json:"linux"`
}

// carriedLinux is the same of the part for Linux.
type carriedLinux struct {
	UIDMappings       []specs.LinuxIDMapping           `json:"uidMappings,omitempty"`
	GIDMappings       []specs.LinuxIDMapping           `json:"gidMappings,omitempty"`
	Sysctl            map[string]string                `json:"sysctl,omitempty"`
	CgroupsPath       string                           `json:"cgroupsPath,omitempty"`
	Namespaces        []specs.LinuxNamespace           `json:"namespaces,omitempty"`
	Devices           []specs.LinuxDevice              `json:"devices,omitempty"`
	RootfsPropagation string                           `json:"rootfsPropagation,omitempty"`
	MaskedPaths       []string                         `json:"maskedPaths,omitempty"`
	ReadonlyPaths     []string                         `json:"readonlyPaths,omitempty"`
	TimeOffsets       map[string]specs.LinuxTimeOffset `json:"timeOffsets,omitempty"`
}

func carry(s *specs.Spec) *carried {
	l := s.Linux
	return &carried{
		Version: s.Version, Process: s.Process, Root: s.Root, Hostname: s.Hostname, Mounts: s.Mounts,
		Linux: &carriedLinux{
			UIDMappings: l.UIDMappings, GIDMappings: l.GIDMappings, Sysctl: l.Sysctl, CgroupsPath: l.CgroupsPath,
			Namespaces: l.Namespaces, Devices: l.Devices, RootfsPropagation: l.RootfsPropagation,
			MaskedPaths: l.MaskedPaths, ReadonlyPaths: l.ReadonlyPaths, TimeOffsets: l.TimeOffsets,
		},
	}
}

// spec is the configuration again.
func (c *carried) spec() *specs.Spec {
	l := c.Linux
	return &specs.Spec{
		Version: c.Version, Process: c.Process, Root: c.Root, Hostname: c.Hostname, Mounts: c.Mounts,
		Linux: &specs.Linux{
			UIDMappings: l.UIDMappings, GIDMappings: l.GIDMappings, Sysctl: l.Sysctl, CgroupsPath: l.CgroupsPath,
			Namespaces: l.Namespaces, Devices: l.Devices, RootfsPropagation: l.RootfsPropagation,
			MaskedPaths: l.MaskedPaths, ReadonlyPaths: l.ReadonlyPaths, TimeOffsets: l.TimeOffsets,
		},
	}
}
