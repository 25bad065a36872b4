package minicontainer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/mini-container/internal/diagram"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// PictureOf draws what the kernel said of a process; links is what is
// remembered of its network, nil for nothing.
func PictureOf(r *inspect.Report, links *state.Network) *diagram.Picture {
	p := diagram.FromReport(r)
	if links != nil && links.Bridge != "" {
		addresses := strings.TrimSpace(links.Address + " " + links.Address6)
		link := fmt.Sprintf("eth0 %s - %s on bridge %s", addresses, links.Veth, links.Bridge)
		if links.NAT {
			link += ", NAT"
		}
		p.Links = []string{link}
	}
	return p
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
