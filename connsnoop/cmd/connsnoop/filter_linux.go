package main

import (
	"net/netip"

	"github.com/spf13/pflag"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// filterFlags are the flags that say which connections are wanted. Values of
// one flag are alternatives; flags together narrow down.
type filterFlags struct {
	filter     connsnoop.Filter
	families   []uint16
	directions []connsnoop.Direction
	cgroups    []string
	containers []string
}

func (f *filterFlags) add(flags *pflag.FlagSet) {
	into := &f.filter
	flags.Var(&list[uint32]{into: &into.PIDs, parse: one(parsePID), kind: "PID"}, "pid", "opened by this process")
	flags.Var(&list[uint32]{into: &into.UIDs, parse: one(parseUID), kind: "USER"}, "uid", "opened by this user, number or name")
	flags.Var(&list[string]{into: &into.Comms, parse: one(parseComm), kind: "COMM", whole: true}, "comm", "opened by a process of this name (/proc/PID/comm)")
	flags.Var(&list[uint16]{into: &into.Ports, parse: parsePorts, kind: "PORT"}, "port", "this local or remote port, or range: 8000-8010")
	flags.Var(&list[netip.Prefix]{into: &into.Prefixes, parse: one(parsePrefix), kind: "CIDR"}, "cidr", "this local or remote address or network")
	flags.Var(&list[uint16]{into: &f.families, parse: one(parseFamily), kind: "FAMILY"}, "family", "ipv4 (v4-mapped, too) or ipv6")
	flags.Var(&list[connsnoop.Direction]{into: &f.directions, parse: one(oneOf(connsnoop.Connect, connsnoop.Accept)), kind: "DIRECTION"},
		"direction", "connect or accept")
	flags.Var(&list[connsnoop.Result]{into: &into.Results, parse: one(oneOf(connsnoop.Results()...)), kind: "RESULT"}, "result",
		"ended so: "+alternatives(connsnoop.Results()))
	flags.Var(&list[string]{into: &f.cgroups, parse: one(parseText), kind: "PATH", whole: true}, "cgroup", "opened in this cgroup or below it")
	flags.Var(&list[string]{into: &f.containers, parse: one(parseText), kind: "ID", whole: true}, "container", "opened in this container, by id or its first 12 digits")
	flags.Var(&list[uint64]{into: &into.NetNS, parse: one(parseNetns), kind: "NETNS"}, "netns", "in this network namespace: inode, path, or name of ip-netns(8)")
}

// resolve returns the filter, with cgroups looked up.
func (f *filterFlags) resolve() (connsnoop.Filter, error) {
	filter := f.filter
	if only := distinct(f.families); len(only) == 1 {
		filter.Family = only[0]
	}
	if only := distinct(f.directions); len(only) == 1 {
		filter.Direction = only[0]
	}
	if len(f.cgroups)+len(f.containers) == 0 {
		return filter, nil
	}
	tree, err := findHierarchy()
	if err != nil {
		return filter, exitcode.With(exitcode.Unsupported, err)
	}
	filter.CgroupIDs, err = f.cgroupIDs(tree)
	return filter, exitcode.With(exitcode.Usage, err)
}

func (f *filterFlags) cgroupIDs(tree hierarchy) ([]uint64, error) {
	var all []uint64
	for _, path := range f.cgroups {
		id, err := tree.path(path)
		if err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	for _, id := range f.containers {
		ids, err := tree.container(id)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	return distinct(all), nil
}
