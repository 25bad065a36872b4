package minicontainer

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/mini-container/internal/network"
	"namespaces-cgroups-ebpf/mini-container/internal/seccomp"
)

// DefaultHostname is what a container is called when nobody says otherwise.
const DefaultHostname = "mini-container"

// DefaultPath is the PATH of a container whose environment does not set one.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Options is what a caller of NewSpec decides; the rest is our default.
type Options struct {
	Rootfs   string   // directory that becomes "/"; may be relative
	Hostname string   // "" means DefaultHostname
	Args     []string // command and arguments, looked up inside the rootfs
	Env      []string // "KEY=VALUE", later ones win
	Cwd      string   // absolute path inside the rootfs, "" means "/"
	UserNS   bool     // also a new user namespace, HostUID:HostGID mapped to 0:0
	HostUID  uint32   // only used with UserNS
	HostGID  uint32   // only used with UserNS

	UIDMaps, GIDMaps []specs.LinuxIDMapping           // instead of HostUID and HostGID
	Time             bool                             // also a new time namespace
	Mounts           []specs.Mount                    // after the usual ones
	ReadonlyRoot     bool                             // the command cannot change its root directory
	TimeOffsets      map[string]specs.LinuxTimeOffset // of "monotonic" and "boottime"; implies Time
	HostNet          bool                             // no network namespace of its own
}

// Extra is what a container can have that the OCI runtime configuration has
// no word for.
type Extra struct {
	Overlay   bool     `json:"overlay,omitempty"`    // changes to the rootfs go to memory and away
	IDMapRoot bool     `json:"idmap_root,omitempty"` // files in the rootfs belong to whom the user namespace maps their owner to
	Init      bool     `json:"init,omitempty"`       // PID 1 is ours: it reaps, and passes signals on
	Network   Network  `json:"network"`
	Join      bool     `json:"join,omitempty"` // the child joins a container that is there
	User      string   `json:"user,omitempty"` // "USER" or "USER:GROUP", looked up inside; "" is process.user
	Landlock  Landlock `json:"landlock"`
}

// Network is how the container is connected. "" is network.Loopback.
type Network struct {
	Mode network.Mode `json:"mode"`
	network.Config
}

// NewSpec returns the OCI runtime configuration for the options: everything
// that Run does is read from it. It does not look at the machine; Validate
// and Run do.
func NewSpec(o Options) *specs.Spec {
	spec := &specs.Spec{
		Version:  specs.Version,
		Root:     &specs.Root{Path: o.Rootfs, Readonly: o.ReadonlyRoot},
		Hostname: orDefault(o.Hostname, DefaultHostname),
		Mounts:   append(defaultMounts(!o.UserNS || len(o.GIDMaps) > 0), o.Mounts...),
		Process: &specs.Process{
			Args:            o.Args,
			Env:             mergeEnv([]string{"PATH=" + DefaultPath}, o.Env),
			Cwd:             orDefault(o.Cwd, "/"),
			NoNewPrivileges: true,
			Capabilities:    defaultCapabilities(),
		},
		Linux: &specs.Linux{
			Namespaces:    namespaces("pid", "mount", "uts", "ipc", "network", "cgroup"),
			Devices:       defaultDevices(),
			MaskedPaths:   maskedPaths(),
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	if o.HostNet {
		spec.Linux.Namespaces = namespaces("pid", "mount", "uts", "ipc", "cgroup")
		if o.UserNS {
			spec.Mounts = slices.Replace(spec.Mounts, 1, 2, hostSys()...)
		}
	}
	spec.Linux.Seccomp = seccomp.Default(spec.Process.Capabilities.Bounding)
	if o.UserNS {
		spec.Linux.Namespaces = append(namespaces("user"), spec.Linux.Namespaces...)
		spec.Linux.UIDMappings, spec.Linux.GIDMappings = o.maps()
	}
	if o.Time || len(o.TimeOffsets) > 0 {
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, namespaces("time")...)
		spec.Linux.TimeOffsets = o.TimeOffsets
	}
	return spec
}

func (o Options) maps() (uids, gids []specs.LinuxIDMapping) {
	if len(o.UIDMaps)+len(o.GIDMaps) > 0 {
		return o.UIDMaps, o.GIDMaps
	}
	self := func(id uint32) []specs.LinuxIDMapping {
		return []specs.LinuxIDMapping{{ContainerID: 0, HostID: id, Size: 1}}
	}
	return self(o.HostUID), self(o.HostGID)
}

func namespaces(kinds ...specs.LinuxNamespaceType) []specs.LinuxNamespace {
	list := make([]specs.LinuxNamespace, 0, len(kinds))
	for _, kind := range kinds {
		list = append(list, specs.LinuxNamespace{Type: kind})
	}
	return list
}

// defaultMounts is in the order of mounting: /dev before what lies in it.
func defaultMounts(groupTTY bool) []specs.Mount {
	pts := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	if groupTTY {
		// Group tty owns terminals; a one-id user namespace has no group 5.
		pts = append(pts, "gid=5")
	}
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup2", Source: "cgroup2", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=0755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: pts},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
	}
}

// hostSys is for a user namespace with the host's network: only who has power
// over a network may mount a sysfs of it. What the host has mounted below comes
// along, and must not be written to either. The second mount is for cgroup2,
// which does not go over itself.
func hostSys() []specs.Mount {
	flags := []string{"nosuid", "noexec", "nodev", "ro"}
	return []specs.Mount{
		{Destination: "/sys", Type: "bind", Source: "/sys", Options: append([]string{"rbind", "rro"}, flags...)},
		{Destination: "/sys/fs/cgroup", Type: "tmpfs", Source: "tmpfs", Options: append([]string{"mode=0755", "size=4096"}, flags...)},
	}
}

// maskedPaths are what tells of the host and its other processes, or lets a
// process infer what they do (CVE-2020-8694: the processor's energy counters).
// Most kernels have only some of them.
func maskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
}

func defaultDevices() []specs.LinuxDevice {
	return []specs.LinuxDevice{
		{Path: "/dev/null", Type: "c", Major: 1, Minor: 3},
		{Path: "/dev/zero", Type: "c", Major: 1, Minor: 5},
		{Path: "/dev/full", Type: "c", Major: 1, Minor: 7},
		{Path: "/dev/random", Type: "c", Major: 1, Minor: 8},
		{Path: "/dev/urandom", Type: "c", Major: 1, Minor: 9},
		{Path: "/dev/tty", Type: "c", Major: 5, Minor: 0},
	}
}

// defaultCapabilities leaves out, of what is often granted, CAP_MKNOD (few
// need it, and without a cgroup there is no device filter), CAP_NET_RAW and
// CAP_AUDIT_WRITE. Inheritable and ambient stay empty (CVE-2022-29162).
func defaultCapabilities() *specs.LinuxCapabilities {
	keep := []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
		"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
	return &specs.LinuxCapabilities{Bounding: keep, Effective: keep, Permitted: keep}
}

// hasNamespace reports whether the spec asks for a new namespace of the kind.
func hasNamespace(spec *specs.Spec, kind specs.LinuxNamespaceType) bool {
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type == kind {
			return true
		}
	}
	return false
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
