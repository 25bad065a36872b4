package minicontainer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/devices"
)

// Validate says what is wrong with a configuration before anything is
// created. A field that Run would not act on is an error, never ignored: a
// container that is weaker than its configuration is worse than none.
func Validate(spec *specs.Spec) error {
	if spec.Root == nil || spec.Process == nil || spec.Linux == nil {
		return errors.New("configuration needs root, process and linux")
	}
	checks := []func(*specs.Spec) error{
		checkUnsupported, checkProcess, checkHostname, checkNamespaces, checkTime, checkIDMaps, checkCapabilities, checkPrivileges, checkMounts,
		checkDevices, checkResources,
	}
	for _, check := range checks {
		if err := check(spec); err != nil {
			return err
		}
	}
	return nil
}

func checkUnsupported(spec *specs.Spec) error {
	fields := []struct {
		name string
		used bool
	}{
		{"domainname", spec.Domainname != ""},
		{"hooks", spec.Hooks != nil},
		{"process.user.umask", spec.Process.User.Umask != nil},
		{"process.user.username", spec.Process.User.Username != ""},
		{"process.selinuxLabel", spec.Process.SelinuxLabel != ""},
		{"process.scheduler", spec.Process.Scheduler != nil},
		{"process.ioPriority", spec.Process.IOPriority != nil},
		{"process.execCPUAffinity", spec.Process.ExecCPUAffinity != nil},
		{"linux.intelRdt", spec.Linux.IntelRdt != nil},
		{"linux.memoryPolicy", spec.Linux.MemoryPolicy != nil},
		{"linux.personality", spec.Linux.Personality != nil},
		{"linux.netDevices", len(spec.Linux.NetDevices) > 0},
		{"linux.rootfsPropagation", spec.Linux.RootfsPropagation != ""},
		{"linux.mountLabel", spec.Linux.MountLabel != ""},
	}
	for _, field := range fields {
		if field.used {
			return fmt.Errorf("%s is not supported yet", field.name)
		}
	}
	return nil
}

func checkProcess(spec *specs.Spec) error {
	if len(spec.Process.Args) == 0 || spec.Process.Args[0] == "" {
		return errors.New("no command given")
	}
	if !path.IsAbs(spec.Process.Cwd) {
		return fmt.Errorf("working directory %q is not an absolute path", spec.Process.Cwd)
	}
	const largest = 1<<16 - 1 // struct winsize
	if box := spec.Process.ConsoleSize; box != nil && (box.Height > largest || box.Width > largest) {
		return fmt.Errorf("console of %d x %d characters is over the kernel's limit of %d", box.Width, box.Height, largest)
	}
	for _, entry := range spec.Process.Env {
		if key, _, found := strings.Cut(entry, "="); !found || key == "" {
			return fmt.Errorf("environment %q is not KEY=VALUE", entry)
		}
	}
	for _, text := range append(append([]string{spec.Process.Cwd}, spec.Process.Args...), spec.Process.Env...) {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("%q holds a NUL byte, which no system call can carry", text)
		}
	}
	return nil
}

// checkHostname holds to what sethostname(2) takes and hostname(7) allows.
func checkHostname(spec *specs.Spec) error {
	const limit = 64 // __NEW_UTS_LEN
	if len(spec.Hostname) > limit {
		return fmt.Errorf("host name of %d bytes is over the kernel's limit of %d", len(spec.Hostname), limit)
	}
	for _, r := range spec.Hostname {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", r) {
			return fmt.Errorf("host name %q holds %q; allowed are letters, digits, '-', '.' and '_'", spec.Hostname, r)
		}
	}
	return nil
}

func checkNamespaces(spec *specs.Spec) error {
	for _, ns := range spec.Linux.Namespaces {
		if _, known := namespaceFiles[ns.Type]; !known {
			return fmt.Errorf("namespace %q is not supported yet", ns.Type)
		}
		if ns.Path != "" {
			return fmt.Errorf("joining the existing %s namespace is not supported yet", ns.Type)
		}
	}
	for _, needed := range []specs.LinuxNamespaceType{"pid", "mount", "uts"} {
		if !hasNamespace(spec, needed) {
			return fmt.Errorf("a container without its own %s namespace is not supported yet", needed)
		}
	}
	return nil
}

// checkTime: the kernel has offsets for two clocks, and only in a namespace.
func checkTime(spec *specs.Spec) error {
	if len(spec.Linux.TimeOffsets) > 0 && !hasNamespace(spec, specs.TimeNamespace) {
		return errors.New("linux.timeOffsets need a new time namespace")
	}
	for clock, offset := range spec.Linux.TimeOffsets {
		if clock != "monotonic" && clock != "boottime" {
			return fmt.Errorf("clock %q has no offset; only monotonic and boottime have", clock)
		}
		if offset.Nanosecs > 999_999_999 {
			return fmt.Errorf("offset of %s: %d is not a number of nanoseconds below one second", clock, offset.Nanosecs)
		}
	}
	return nil
}

// checkIDMaps: without a map nobody inside is anybody; with a map but without
// the namespace it would not be acted on.
func checkIDMaps(spec *specs.Spec) error {
	userNS := hasNamespace(spec, specs.UserNamespace)
	for name, maps := range map[string][]specs.LinuxIDMapping{"uidMappings": spec.Linux.UIDMappings, "gidMappings": spec.Linux.GIDMappings} {
		if userNS != (len(maps) > 0) {
			return fmt.Errorf("linux.%s and a new user namespace need each other", name)
		}
		if userNS && !mapsZero(maps) {
			return fmt.Errorf("linux.%s has no id 0, which the set-up needs", name)
		}
	}
	return nil
}

func mapsZero(maps []specs.LinuxIDMapping) bool {
	for _, m := range maps {
		if m.ContainerID == 0 && m.Size > 0 {
			return true
		}
	}
	return false
}

func checkCapabilities(spec *specs.Spec) error {
	caps := spec.Process.Capabilities
	if caps == nil {
		return errors.New("configuration needs process.capabilities")
	}
	if err := checkAmbient(caps); err != nil {
		return err
	}
	for _, set := range [][]string{caps.Bounding, caps.Effective, caps.Permitted, caps.Ambient} {
		if _, err := capMask(set); err != nil {
			return err
		}
	}
	return nil
}

func checkMounts(spec *specs.Spec) error {
	for _, m := range spec.Mounts {
		if !path.IsAbs(m.Destination) || path.Clean(m.Destination) != m.Destination || m.Destination == "/" {
			return fmt.Errorf("mount destination %q is not a clean absolute path below /", m.Destination)
		}
		if m.Destination == "/proc" != (m.Type == "proc") || strings.HasPrefix(m.Destination, "/proc/") {
			return fmt.Errorf("mount on %s: /proc is for procfs alone", m.Destination) // CVE-2019-16884
		}
	}
	return nil
}

// checkResources: a limit that no cgroup file can carry is found before
// anything is made.
func checkResources(spec *specs.Spec) error {
	if _, err := cgroup.Plan(spec.Linux.Resources); err != nil || spec.Linux.Resources == nil {
		return err
	}
	_, err := devices.FromOCI(spec.Linux.Resources.Devices)
	return err
}

// checkDevices: makeDevices makes character devices for everybody, and no
// others.
func checkDevices(spec *specs.Spec) error {
	for _, d := range spec.Linux.Devices {
		switch {
		case !path.IsAbs(d.Path) || path.Clean(d.Path) != d.Path || path.Dir(d.Path) == d.Path:
			return fmt.Errorf("device path %q is not a clean absolute path below /", d.Path)
		case d.Type != "c" && d.Type != "u":
			return fmt.Errorf("device %s: type %q is not supported, only c", d.Path, d.Type)
		case d.FileMode != nil && d.FileMode.Perm() != 0o666, d.UID != nil && *d.UID != 0, d.GID != nil && *d.GID != 0:
			return fmt.Errorf("device %s: an owner, or a mode but 0666, is not supported", d.Path)
		}
	}
	return nil
}
