package minicontainer

import (
	"errors"
	"fmt"
	"path"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// fileSystems are those that a configuration may ask for. Their options go to
// the kernel as they are, which refuses what it does not know.
var fileSystems = []string{"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2"}

// checkMountOptions refuses what mountAll would not act on.
func checkMountOptions(spec *specs.Spec, extra Extra) error {
	for _, m := range spec.Mounts {
		if err := checkMount(spec, m); err != nil {
			return fmt.Errorf("mount on %s: %w", m.Destination, err)
		}
	}
	if !extra.IDMapRoot {
		return nil
	}
	if len(spec.Linux.UIDMappings) == 0 {
		return errors.New("an idmapped rootfs needs a user namespace")
	}
	return nil
}

func checkMount(spec *specs.Spec, m specs.Mount) error {
	options := parseMountOptions(m.Options)
	if !isBind(m) {
		switch {
		case !slices.Contains(fileSystems, m.Type):
			return fmt.Errorf("file system %q is not supported", m.Type)
		case wantsIDMap(m) || options.readonlyAll || options.recursive || options.propagation != 0:
			return errors.New("options for a bind mount, but it is none")
		}
		return nil
	}
	switch {
	case !path.IsAbs(m.Source):
		return fmt.Errorf("source %q is not an absolute path", m.Source)
	case len(options.rest) > 0:
		return fmt.Errorf("option %q is not known for a bind mount", options.rest[0])
	case (len(m.UIDMappings) == 0) != (len(m.GIDMappings) == 0):
		return errors.New("an idmapped mount needs both uidMappings and gidMappings")
	case wantsIDMap(m) && len(m.UIDMappings) == 0 && len(spec.Linux.UIDMappings) == 0:
		return errors.New("option idmap needs mappings, of its own or of a user namespace")
	}
	return nil
}
