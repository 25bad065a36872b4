package connsnoop

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// filterSet is one of the maps of bpf/filter.h, and its bit in filters there.
type filterSet struct {
	bit  uint32
	name string
	keys []any
}

func (f Filter) sets() []filterSet {
	comms := make([][commLength]byte, len(f.Comms))
	for i, name := range f.Comms {
		copy(comms[i][:], name)
	}
	netns := make([]uint32, len(f.NetNS))
	for i, inode := range f.NetNS {
		netns[i] = uint32(inode)
	}
	prefixes := make([]prefixKey, len(f.Prefixes))
	for i, p := range f.Prefixes {
		prefixes[i] = prefixKeyOf(p)
	}
	return []filterSet{
		{1 << 0, probesMapFilterPids, keysOf(f.PIDs)},
		{1 << 1, probesMapFilterUids, keysOf(f.UIDs)},
		{1 << 2, probesMapFilterComms, keysOf(comms)},
		{1 << 3, probesMapFilterCgroups, keysOf(f.CgroupIDs)},
		{1 << 4, probesMapFilterNetns, keysOf(netns)},
		{1 << 5, probesMapFilterPorts, keysOf(f.Ports)},
		{1 << 6, probesMapFilterPrefixes, keysOf(prefixes)},
	}
}

func keysOf[T any](values []T) []any {
	keys := make([]any, len(values))
	for i, v := range values {
		keys[i] = v
	}
	return keys
}

// apply sets the filter in the object before it is loaded.
func (f Filter) apply(spec *ebpf.CollectionSpec) error {
	var asked uint32
	for _, set := range f.sets() {
		if len(set.keys) == 0 {
			continue
		}
		asked |= set.bit
		m := spec.Maps[set.name]
		m.MaxEntries = uint32(len(set.keys))
		for _, key := range set.keys {
			m.Contents = append(m.Contents, ebpf.MapKV{Key: key, Value: uint8(1)})
		}
	}
	return setVariables(spec, map[string]any{
		probesVarFilters:         asked,
		probesVarFilterResults:   f.results(),
		probesVarFilterDirection: codeOf(directions[:], f.Direction),
		probesVarFilterFamily:    f.Family,
	})
}

func setVariables(spec *ebpf.CollectionSpec, values map[string]any) error {
	for name, value := range values {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}
