package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"namespaces-cgroups-ebpf/mini-container/internal/plainname"
)

// Mode is how a container is connected.
type Mode string

// The modes.
const (
	None     Mode = "none"     // a namespace of its own, in which even lo is down
	Loopback Mode = "loopback" // a namespace of its own, with lo up
	Bridge   Mode = "bridge"   // as Loopback, and eth0 on a bridge
	Host     Mode = "host"     // the host's namespace
)

// Modes are all of them, for messages.
var Modes = []Mode{None, Loopback, Bridge, Host}

// ParseMode reads a mode's name.
func ParseMode(text string) (Mode, error) {
	var names []string
	for _, mode := range Modes {
		if text == string(mode) {
			return mode, nil
		}
		names = append(names, string(mode))
	}
	return "", fmt.Errorf("network mode %q is none of %s", text, strings.Join(names, ", "))
}

// The bridge that containers are on if nobody names another.
const (
	DefaultBridge = "mc0"
	DefaultSubnet = "10.199.0.0/16"
	// DefaultSubnet6 is a unique local one with random digits (RFC 4193).
	DefaultSubnet6 = "fd9c:4f1e:7a63:199::/64"
)

// Config is the bridge that a container is to be on.
type Config struct {
	Bridge  string       // name of the interface
	Subnet  netip.Prefix // IPv4; the first address is the bridge's
	Subnet6 netip.Prefix // IPv6 beside it; the zero value is none
	NAT     bool         // let the containers speak to others than each other
}

// longestName is IFNAMSIZ without the zero.
const longestName = 15

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	const fewest, most = 29, 8 // bits; fewer than 6 addresses are no network
	switch {
	case !plainname.Is(c.Bridge, longestName):
		return fmt.Errorf("bridge name %q: want 1 to 15 letters, digits, '_', '.' and '-'", c.Bridge)
	case !c.Subnet.IsValid() || !c.Subnet.Addr().Is4():
		return errors.New("subnet: want IPv4 such as " + DefaultSubnet)
	case c.Subnet != c.Subnet.Masked():
		return fmt.Errorf("subnet %s: bits are set behind the prefix, want %s", c.Subnet, c.Subnet.Masked())
	case c.Subnet.Bits() > fewest || c.Subnet.Bits() < most:
		return fmt.Errorf("subnet %s: want /%d to /%d", c.Subnet, most, fewest)
	}
	return c.check6()
}

func (c Config) check6() error {
	const most, fewest = 48, 96 // bits; an IPv4 address must fit behind the prefix
	switch p := c.Subnet6; {
	case p == netip.Prefix{}:
		return nil
	case !p.IsValid() || !p.Addr().Is6() || p.Addr().Is4In6() || !p.Addr().IsGlobalUnicast():
		return errors.New("IPv6 subnet: want one such as " + DefaultSubnet6)
	case p != p.Masked():
		return fmt.Errorf("IPv6 subnet %s: bits are set behind the prefix, want %s", p, p.Masked())
	case p.Bits() < most || p.Bits() > fewest:
		return fmt.Errorf("IPv6 subnet %s: want /%d to /%d", p, most, fewest)
	}
	return nil
}

// HasIP6 reports whether there is to be IPv6.
func (c Config) HasIP6() bool { return c.Subnet6.IsValid() }

// Gateway is the bridge's own address.
func (c Config) Gateway() netip.Prefix {
	return netip.PrefixFrom(c.Subnet.Addr().Next(), c.Subnet.Bits())
}

// Gateway6 is the bridge's own IPv6 address.
func (c Config) Gateway6() netip.Prefix { return c.beside(c.Gateway().Addr()) }

// beside is the IPv6 address that goes with an IPv4 address: it is as far
// behind the beginning of its subnet. So one lease is enough for both.
func (c Config) beside(address netip.Addr) netip.Prefix {
	if !c.HasIP6() {
		return netip.Prefix{}
	}
	base, own := c.Subnet.Addr().As4(), address.As4()
	wide := c.Subnet6.Addr().As16()
	for i := range own {
		wide[12+i] |= own[i] &^ base[i]
	}
	return netip.PrefixFrom(netip.AddrFrom16(wide), c.Subnet6.Bits())
}
