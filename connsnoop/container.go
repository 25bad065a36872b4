package connsnoop

import (
	"regexp"
	"strconv"
	"strings"
)

// Container is a container, or what systemd runs as a unit.
type Container struct {
	Runtime string `json:"runtime"` // docker, containerd, podman, cri-o, kubernetes, lxc, mini-container, systemd
	ID      string `json:"id"`      // as the runtime names it; for systemd a machine or a unit
}

// ContainerOf finds the innermost container in a cgroup path of the v2
// hierarchy, laid out by either cgroup driver (systemd or cgroupfs). Where no
// part of the path is a container, it is the innermost unit of systemd.
//
// Gotcha: below kubepods the cgroupfs driver writes the bare id, so the
// runtime is "kubernetes" there: the path does not say more. Monitors
// (conmon, lxc.monitor) live beside their container and are in none.
func ContainerOf(path string) (Container, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i := len(parts) - 1; i >= 0; i-- {
		parent := ""
		if i > 0 {
			parent = parts[i-1]
		}
		if c, ok := containerNamed(parent, parts[i]); ok {
			return c, true
		}
	}
	for i := len(parts) - 1; i >= 0; i-- {
		if isUnit(parts[i]) {
			return Container{"systemd", unescapeUnit(parts[i])}, true
		}
	}
	return Container{}, false
}

// prefixes stand before an id of 64 hex digits, in a scope or a directory.
var prefixes = []struct{ prefix, runtime string }{
	{"docker-", "docker"},
	{"cri-containerd-", "containerd"},
	{"nerdctl-", "containerd"},
	{"libpod-payload-", "podman"}, // --cgroups=split
	{"libpod-", "podman"},
	{"crio-", "cri-o"},
}

func containerNamed(parent, name string) (Container, bool) {
	// a runtime that was told the wrong driver makes a directory of what it
	// should have told systemd: slice:prefix:id
	if fields := strings.Split(name, ":"); len(fields) == 3 {
		name = fields[1] + "-" + fields[2]
	}
	stem := strings.TrimSuffix(name, ".scope")
	for _, p := range prefixes {
		if id, ok := strings.CutPrefix(stem, p.prefix); ok && isHexID(id) {
			return Container{p.runtime, id}, true
		}
	}
	if isHexID(name) {
		return bareContainer(parent, name)
	}
	return otherContainer(parent, name)
}

// bareContainer knows an id by the directory that it is in.
func bareContainer(parent, id string) (Container, bool) {
	switch {
	case parent == "docker" || parent == "buildkit":
		return Container{"docker", id}, true
	case parent == "default": // a namespace of containerd
		return Container{"containerd", id}, true
	case strings.HasPrefix(parent, "pod") || strings.Contains(parent, "kubepods"):
		return Container{"kubernetes", id}, true
	}
	return Container{}, false
}

// otherContainer knows those whose ids are names that people give.
func otherContainer(parent, name string) (Container, bool) {
	if id, ok := strings.CutPrefix(name, "lxc.payload."); ok && id != "" {
		return Container{"lxc", id}, true
	}
	if id, ok := strings.CutPrefix(name, "mini-container-"); ok && id != "" {
		return Container{"mini-container", strings.TrimSuffix(id, ".scope")}, true
	}
	if parent == "mini-container" && name != "" {
		return Container{"mini-container", name}, true
	}
	for _, m := range []struct{ prefix, suffix string }{{"machine-", ".scope"}, {"systemd-nspawn@", ".service"}} {
		id, ok := strings.CutPrefix(name, m.prefix)
		id, whole := strings.CutSuffix(id, m.suffix)
		if ok && whole && id != "" {
			return Container{"systemd", unescapeUnit(id)}, true
		}
	}
	return Container{}, false
}

func isHexID(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

func isUnit(name string) bool {
	stem, ok := strings.CutSuffix(name, ".service")
	if !ok {
		stem, ok = strings.CutSuffix(name, ".scope")
	}
	return ok && stem != ""
}

var unitEscape = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unescapeUnit undoes systemd-escape(1): "a\x2db" is "a-b".
func unescapeUnit(name string) string {
	return unitEscape.ReplaceAllStringFunc(name, func(escape string) string {
		code, err := strconv.ParseUint(escape[2:], 16, 8)
		if err != nil {
			return escape
		}
		return string([]byte{byte(code)})
	})
}
