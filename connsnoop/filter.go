package connsnoop

import (
	"fmt"
	"net/netip"
	"slices"
)

// Filter chooses connections. It is applied in the kernel: what it keeps out
// costs no record. Each field that is not empty must let a connection pass,
// which it does if one of its values fits.
type Filter struct {
	PIDs      []uint32       // process of the opener (initial PID namespace)
	UIDs      []uint32       // its user (initial user namespace)
	Comms     []string       // its name: that of the thread group's leader
	CgroupIDs []uint64       // its cgroup, or one above it
	NetNS     []uint64       // inodes of network namespaces
	Ports     []uint16       // local or remote port
	Prefixes  []netip.Prefix // local or remote address
	Family    uint16         // unix.AF_INET or AF_INET6, of the addresses; 0 is any
	Direction Direction      // empty is any
	Results   []Result       // of the record at the end; other events pass
}

func (f Filter) check() error {
	for _, comm := range f.Comms {
		if len(comm) == 0 || len(comm) >= commLength {
			return fmt.Errorf("check filter: comm %q: want 1 to %d bytes", comm, commLength-1)
		}
	}
	for _, p := range f.Prefixes {
		if !p.IsValid() {
			return fmt.Errorf("check filter: prefix %v is not valid", p)
		}
	}
	for _, r := range f.Results {
		if !slices.Contains(Results(), r) {
			return fmt.Errorf("check filter: unknown result %q", r)
		}
	}
	if f.Family != 0 && f.Family != familyInet && f.Family != familyInet6 {
		return fmt.Errorf("check filter: unknown address family %d", f.Family)
	}
	if f.Direction != "" && codeOf(directions[:], f.Direction) == 0 {
		return fmt.Errorf("check filter: unknown direction %q", f.Direction)
	}
	return nil
}

// results is the bit set of the wanted results: enum result in bpf/abi.h.
func (f Filter) results() (set uint32) {
	for _, r := range f.Results {
		set |= 1 << codeOf(results[:], r)
	}
	return set
}

// prefixKey is struct prefix in bpf/filter.h: IPv4 is mapped into IPv6.
type prefixKey struct {
	Bits    uint32
	Address [16]byte
}

func prefixKeyOf(p netip.Prefix) prefixKey {
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	return prefixKey{uint32(bits), p.Masked().Addr().As16()}
}
