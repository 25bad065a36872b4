package minicontainer

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/mini-container/internal/landlock"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
	"namespaces-cgroups-ebpf/mini-container/internal/xdr"
)

// The functions below are the format of what supervisor and child say to each
// other, and of what is kept for who joins a container: each is both writer
// and reader of one type. Of a specs.Spec they carry what a child acts on;
// TestWire sees to it that a field is either here or known not to be a child's
// business.

// wireVersion is to be raised with each change below (TestWireVersion). A
// container may have been started by another build than the one that joins it.
const wireVersion = 1

func word(x *xdr.Codec, v *string) { xdr.String(x, v) }

func words(x *xdr.Codec, v *[]string) { xdr.List(x, v, xdr.String) }

func wireConfig(x *xdr.Codec, c *config) {
	version := uint32(wireVersion)
	x.Uint32(&version)
	if version != wireVersion {
		x.Fail(fmt.Errorf("configuration has format %d, want %d: it is of another version of mini-container", version, wireVersion))
		return
	}
	if x.Reading() {
		c.Spec = &specs.Spec{Process: &specs.Process{}, Root: &specs.Root{}, Linux: &specs.Linux{}}
	}
	wireSpec(x, c.Spec)
	wireExtra(x, &c.Extra)
	xdr.Optional(x, &c.Filter, wireFilter)
	x.Bool(&c.Marks)
	x.Uint64(&c.Files)
	xdr.Int(x, &c.RootTree)
	xdr.Map(x, &c.MountTrees, xdr.Int, xdr.Int)
	xdr.Int(x, &c.Verdict)
}

func wireFilter(x *xdr.Codec, f *seccomp.Filter) {
	xdr.Bytes(x, &f.Program)
	xdr.Int(x, &f.Flags)
}

func wireExtra(x *xdr.Codec, e *Extra) {
	for _, b := range []*bool{&e.Overlay, &e.IDMapRoot, &e.Init, &e.Join} {
		x.Bool(b)
	}
	xdr.String(x, &e.Network.Mode)
	xdr.String(x, &e.User)
	wireLandlock(x, &e.Landlock)
}

func wireLandlock(x *xdr.Codec, r *landlock.Rules) {
	for _, paths := range []*[]string{&r.Read, &r.Execute, &r.Write} {
		words(x, paths)
	}
	xdr.List(x, &r.Bind, xdr.Int)
	xdr.List(x, &r.Connect, xdr.Int)
}

func wireSpec(x *xdr.Codec, s *specs.Spec) {
	word(x, &s.Version)
	wireProcess(x, s.Process)
	word(x, &s.Root.Path)
	x.Bool(&s.Root.Readonly)
	word(x, &s.Hostname)
	xdr.List(x, &s.Mounts, wireMount)
	wireLinux(x, s.Linux)
}

func wireProcess(x *xdr.Codec, p *specs.Process) {
	x.Bool(&p.Terminal)
	xdr.Optional(x, &p.ConsoleSize, func(x *xdr.Codec, b *specs.Box) {
		xdr.Int(x, &b.Height)
		xdr.Int(x, &b.Width)
	})
	x.Uint32(&p.User.UID)
	x.Uint32(&p.User.GID)
	xdr.List(x, &p.User.AdditionalGids, xdr.Int)
	words(x, &p.Args)
	words(x, &p.Env)
	word(x, &p.Cwd)
	xdr.Optional(x, &p.Capabilities, func(x *xdr.Codec, c *specs.LinuxCapabilities) {
		for _, set := range []*[]string{&c.Bounding, &c.Effective, &c.Inheritable, &c.Permitted, &c.Ambient} {
			words(x, set)
		}
	})
	xdr.List(x, &p.Rlimits, func(x *xdr.Codec, l *specs.POSIXRlimit) {
		word(x, &l.Type)
		x.Uint64(&l.Hard)
		x.Uint64(&l.Soft)
	})
	x.Bool(&p.NoNewPrivileges)
	word(x, &p.ApparmorProfile)
	xdr.Optional(x, &p.OOMScoreAdj, xdr.Int)
}

func wireMount(x *xdr.Codec, m *specs.Mount) {
	word(x, &m.Destination)
	word(x, &m.Type)
	word(x, &m.Source)
	words(x, &m.Options)
	xdr.List(x, &m.UIDMappings, wireIDs)
	xdr.List(x, &m.GIDMappings, wireIDs)
}

func wireIDs(x *xdr.Codec, m *specs.LinuxIDMapping) {
	x.Uint32(&m.ContainerID)
	x.Uint32(&m.HostID)
	x.Uint32(&m.Size)
}

func wireLinux(x *xdr.Codec, l *specs.Linux) {
	xdr.List(x, &l.UIDMappings, wireIDs)
	xdr.List(x, &l.GIDMappings, wireIDs)
	xdr.Map(x, &l.Sysctl, xdr.String, xdr.String)
	word(x, &l.CgroupsPath)
	xdr.List(x, &l.Namespaces, func(x *xdr.Codec, n *specs.LinuxNamespace) {
		xdr.String(x, &n.Type)
		word(x, &n.Path)
	})
	xdr.List(x, &l.Devices, wireDevice)
	word(x, &l.RootfsPropagation)
	words(x, &l.MaskedPaths)
	words(x, &l.ReadonlyPaths)
	xdr.Map(x, &l.TimeOffsets, xdr.String, func(x *xdr.Codec, o *specs.LinuxTimeOffset) {
		xdr.Int(x, &o.Secs)
		x.Uint32(&o.Nanosecs)
	})
}

func wireDevice(x *xdr.Codec, d *specs.LinuxDevice) {
	word(x, &d.Path)
	word(x, &d.Type)
	xdr.Int(x, &d.Major)
	xdr.Int(x, &d.Minor)
	xdr.Optional(x, &d.FileMode, xdr.Int)
	xdr.Optional(x, &d.UID, xdr.Int)
	xdr.Optional(x, &d.GID, xdr.Int)
}

func wireMessage(x *xdr.Codec, m *message) {
	xdr.List(x, &m.Steps, func(x *xdr.Codec, t *StepTiming) {
		word(x, &t.Step)
		word(x, &t.By)
		xdr.Int(x, &t.DurationNS)
	})
	word(x, &m.Hostname)
	xdr.Optional(x, &m.Error, func(x *xdr.Codec, e *stepError) {
		word(x, &e.Step)
		word(x, &e.Message)
		xdr.Int(x, &e.Code)
	})
}
