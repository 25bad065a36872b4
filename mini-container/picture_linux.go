package minicontainer

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/mini-container/internal/diagram"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
)

// PictureOf draws what the kernel says of a process, and of its network if
// that is not the host's.
func PictureOf(r *inspect.Report) *diagram.Picture {
	p := diagram.FromReport(r)
	for _, ns := range p.Namespaces {
		if ns.Kind == "net" && ns.Relation == diagram.Own {
			p.Links = linksOf(r.PID, ns.Inode)
		}
	}
	return p
}

// linksOf looks into a network namespace, if it is still the one that was
// inspected.
func linksOf(pid int, inode uint64) []string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return []string{"not readable any more"}
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Ino != inode {
		return []string{"not readable any more"}
	}
	links, err := network.Links(f)
	switch {
	case network.MayNotLook(err):
		return []string{"not readable: it takes CAP_SYS_ADMIN"}
	case err != nil:
		return []string{"not readable: " + err.Error()}
	}
	return linkTexts(links)
}

// linkTexts reads "eth0 10.199.0.2/16 - mc-0123 on bridge mc0, NAT".
func linkTexts(links []network.Link) (texts []string) {
	for _, l := range links {
		text := l.Name
		if l.Kind != "veth" {
			text += " (" + l.Kind + ")"
		}
		for _, address := range l.Addresses {
			text += " " + address.String()
		}
		switch {
		case l.Peer != "":
			text += " - " + l.Peer
		case l.Kind == "veth":
			text += " - an interface out of sight"
		}
		if l.Bridge != "" {
			text += " on bridge " + l.Bridge
		}
		if l.NAT {
			text += ", NAT"
		}
		texts = append(texts, text)
	}
	return texts
}

// PictureOfPlan draws what a configuration asks for, before anything is made.
func PictureOfPlan(c *Container) *diagram.Picture {
	spec := c.Spec
	p := &diagram.Picture{Title: "container to be, " + spec.Hostname, Source: "from the flags"}
	wanted := map[string]bool{}
	for _, ns := range spec.Linux.Namespaces {
		wanted[namespaceFiles[ns.Type]] = true
	}
	for _, kind := range namespaceTypes {
		ns := diagram.Namespace{Kind: kind, Relation: diagram.Shared}
		if wanted[kind] {
			ns.Relation, ns.Owned = diagram.Own, wanted["user"] && kind != "user"
		}
		p.Namespaces = append(p.Namespaces, ns)
	}
	for _, m := range spec.Linux.UIDMappings {
		p.UserMaps = append(p.UserMaps, diagram.MapText(m.ContainerID, m.HostID, m.Size))
	}
	for _, m := range spec.Mounts {
		p.Mounts = append(p.Mounts, m.Destination+" "+orDefault(m.Type, "bind"))
	}
	p.Privileges = plannedPrivileges(c)
	p.Cgroup, p.Limits = plannedLimits(c)
	if c.Extra.Network.Mode == network.Bridge {
		p.Links = []string{"eth0 - veth on bridge " + c.Extra.Network.Bridge}
	}
	return p
}

func plannedPrivileges(c *Container) []string {
	var list []string
	if caps := c.Spec.Process.Capabilities; caps != nil {
		list = append(list, fmt.Sprintf("%d capabilities", len(caps.Effective)))
	}
	if c.Spec.Linux.Seccomp != nil {
		list = append(list, "seccomp: filter")
	}
	if c.Spec.Process.NoNewPrivileges {
		list = append(list, "no_new_privs")
	}
	return list
}

func plannedLimits(c *Container) (path string, limits []string) {
	if c.Cgroup == CgroupNone {
		return "", nil
	}
	if r := c.Spec.Linux.Resources; r != nil {
		for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
			limits = append(limits, file+" "+r.Unified[file])
		}
	}
	return orDefault(c.Spec.Linux.CgroupsPath, "its own"), limits
}
