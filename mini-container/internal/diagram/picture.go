package diagram

import (
	"fmt"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

// Relation is whether a namespace is the host's.
type Relation string

// The relations.
const (
	Own     Relation = "own"
	Shared  Relation = "shared"
	Unknown Relation = "unknown"
)

// Namespace is one of a Picture.
type Namespace struct {
	Kind     string
	Inode    uint64 // 0 if it is not made yet, or not known
	Relation Relation
	Owned    bool // by the user namespace of the Picture, if that is its own
}

// Picture is what is drawn.
type Picture struct {
	Title      string
	Source     string // where all this is from
	Namespaces []Namespace
	UserMaps   []string // "0-65535 inside are 100000-165535 outside"
	Links      []string // "eth0 10.199.0.2/16 - mc123 on bridge mc0"
	Mounts     []string // targets with their types
	Cgroup     string
	Limits     []string
	Privileges []string
}

// meaning is what a kind of namespace separates, for those who learn it.
var meaning = map[string]string{
	"cgroup": "which cgroup is /", "ipc": "System V IPC, message queues", "mnt": "mounts: the tree of files", "net": "interfaces, routes, ports",
	"pid": "process ids", "time": "clocks since boot", "user": "user ids, capabilities", "uts": "host name",
}

// FromReport makes a picture of what the kernel said.
func FromReport(r *inspect.Report) *Picture {
	p := &Picture{Title: fmt.Sprintf("process %d, %s", r.PID, r.Name), Source: "read from the kernel"}
	if r.Container != "" {
		p.Title = "container " + r.Container + ", " + p.Title
	}
	var user uint64
	for _, ns := range r.Namespaces {
		if ns.SharedWithInit == nil && ns.SharedWithCaller != nil {
			p.Source = "read from the kernel; compared with you, since PID 1 cannot be seen"
		}
		if ns.Type == "user" && relation(ns) == Own {
			user = ns.Inode
		}
	}
	for _, ns := range r.Namespaces {
		p.Namespaces = append(p.Namespaces, Namespace{
			Kind: ns.Type, Inode: ns.Inode, Relation: relation(ns), Owned: user != 0 && ns.Owner == user,
		})
	}
	for _, m := range r.UIDMappings {
		p.UserMaps = append(p.UserMaps, MapText(m.ContainerID, m.HostID, m.Size))
	}
	for _, m := range r.Mounts {
		p.Mounts = append(p.Mounts, mountText(m))
	}
	if c := r.Cgroup; c != nil {
		p.Cgroup = c.Path
		for _, l := range c.Limits {
			if l.SetBy != "" && l.File != "cpuset.mems" {
				p.Limits = append(p.Limits, l.File+" "+l.Effective)
			}
		}
	}
	p.Privileges = []string{fmt.Sprintf("%d capabilities", len(r.Capabilities["effective"])), "seccomp: " + r.Seccomp.Mode}
	if r.NoNewPrivs {
		p.Privileges = append(p.Privileges, "no_new_privs")
	}
	return p
}

// relation is with PID 1, or with the reader if that cannot be seen.
func relation(ns inspect.Namespace) Relation {
	shared := ns.SharedWithInit
	if shared == nil {
		shared = ns.SharedWithCaller
	}
	switch {
	case shared == nil:
		return Unknown
	case *shared:
		return Shared
	}
	return Own
}

// MapText puts a range of ids into words.
func MapText(inside, outside, size uint32) string {
	if size == 1 {
		return fmt.Sprintf("%d inside is %d outside", inside, outside)
	}
	last := uint64(size) - 1
	return fmt.Sprintf("%d-%d inside are %d-%d outside", inside, uint64(inside)+last, outside, uint64(outside)+last)
}

func mountText(m inspect.Mount) string {
	text := m.Target + " " + m.Type
	if m.ReadOnly {
		text += " ro"
	}
	if m.IDMapped {
		text += " idmapped"
	}
	return text
}

// description says the same in one paragraph, for those who do not see it.
func (p *Picture) description() string {
	kinds := map[Relation][]string{}
	for _, ns := range p.Namespaces {
		kinds[ns.Relation] = append(kinds[ns.Relation], ns.Kind)
	}
	text := p.Title + ", " + p.Source + "."
	for _, r := range []Relation{Own, Shared, Unknown} {
		if len(kinds[r]) > 0 {
			text += fmt.Sprintf(" Namespaces %s: %s.", words[r], join(kinds[r]))
		}
	}
	if p.Cgroup != "" {
		text += " Cgroup " + p.Cgroup + "."
	}
	return text
}

var words = map[Relation]string{Own: "of its own", Shared: "shared with the host", Unknown: "not known"}
