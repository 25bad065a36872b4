package minicontainer

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// mountOptions is a list of options in the style of fstab(5), sorted by who
// acts on them.
type mountOptions struct {
	flags       uintptr // of mount(2)
	recursive   bool    // rbind
	readonlyAll bool    // rro: also what is mounted below
	idmap       bool
	devices     bool // dev: let device nodes work
	propagation uintptr
	rest        []string // for the file system
}

// flagOptions are those that mount(2) takes as flags.
var flagOptions = map[string]uintptr{
	"nodev":       unix.MS_NODEV,
	"noexec":      unix.MS_NOEXEC,
	"nosuid":      unix.MS_NOSUID,
	"noatime":     unix.MS_NOATIME,
	"relatime":    unix.MS_RELATIME,
	"strictatime": unix.MS_STRICTATIME,
	"ro":          unix.MS_RDONLY,
}

// propagationOptions has no "shared": nothing of a container is to show up on
// the host.
var propagationOptions = map[string]uintptr{
	"private": unix.MS_PRIVATE, "rprivate": unix.MS_PRIVATE | unix.MS_REC,
	"slave": unix.MS_SLAVE, "rslave": unix.MS_SLAVE | unix.MS_REC,
	"unbindable": unix.MS_UNBINDABLE, "runbindable": unix.MS_UNBINDABLE | unix.MS_REC,
}

func parseMountOptions(options []string) mountOptions {
	var o mountOptions
	for _, option := range options {
		if flag, ok := flagOptions[option]; ok {
			o.flags |= flag
			continue
		}
		if propagation, ok := propagationOptions[option]; ok {
			o.propagation = propagation
			continue
		}
		o.take(option)
	}
	return o
}

func (o *mountOptions) take(option string) {
	switch option {
	case "bind", "rw", "defaults":
	case "rbind":
		o.recursive = true
	case "rro":
		o.readonlyAll = true
	case "idmap", "ridmap":
		o.idmap = true
	case "dev":
		o.devices = true
	default:
		o.rest = append(o.rest, option)
	}
}

func (o *mountOptions) data() string { return strings.Join(o.rest, ",") }

// isBind: OCI says so in the type or in an option.
func isBind(m specs.Mount) bool {
	return m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// followsHost reports whether a mount made on the host later is to show up in
// the container.
func followsHost(spec *specs.Spec) bool {
	for _, m := range spec.Mounts {
		if parseMountOptions(m.Options).propagation&unix.MS_SLAVE != 0 {
			return true
		}
	}
	return false
}
