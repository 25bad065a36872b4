package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os/user"
	"strconv"
	"strings"
)

func parseNumber(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, errors.New("must be a number from 0 to 4294967295")
	}
	return uint32(n), nil
}

// parsePID refuses 0, which is nobody.
func parsePID(text string) (uint32, error) {
	n, err := parseNumber(text)
	if err != nil || n == 0 {
		return 0, errors.New("must be the number of a process")
	}
	return n, nil
}

// parseUID takes a number or a user's name.
func parseUID(text string) (uint32, error) {
	if n, err := parseNumber(text); err == nil {
		return n, nil
	}
	u, err := user.Lookup(text)
	if err != nil {
		return 0, errors.New("must be the number or the name of a user")
	}
	return parseNumber(u.Uid)
}

// parsePorts takes a port, or a range such as 8000-8010.
func parsePorts(text string) ([]uint16, error) {
	low, high, ranged := strings.Cut(text, "-")
	if !ranged {
		high = low
	}
	first, err := parsePort(low)
	if err != nil {
		return nil, err
	}
	last, err := parsePort(high)
	if err != nil {
		return nil, err
	}
	if last < first {
		return nil, fmt.Errorf("a range goes up: %d-%d", last, first)
	}
	ports := make([]uint16, 0, last-first+1)
	for port := first; port <= last; port++ {
		ports = append(ports, uint16(port))
	}
	return ports, nil
}

// parsePort returns an int, so that a loop up to the last one ends.
func parsePort(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, errors.New("must be a port from 1 to 65535, or a range such as 8000-8010")
	}
	return int(n), nil
}

// parseComm refuses what no process can be called.
func parseComm(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("must not be empty")
	case strings.ContainsRune(text, 0):
		return "", errors.New("must not hold a NUL")
	case len(text) > 15:
		return "", fmt.Errorf("has %d bytes, of which the kernel keeps 15: write %q", len(text), text[:15])
	}
	return text, nil
}

// parsePrefix takes an address or a prefix. Those of IPv4 in IPv6 form are
// IPv4, as in the records.
func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		return parseHost(text)
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errors.New("must be an address or a prefix, such as 192.0.2.0/24 or 2001:db8::/32")
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, errors.New("covers more than IPv4 in IPv6 form: write 0.0.0.0/0 for all of IPv4, ::/0 for all of IPv6")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("has bits set beyond /%d: write %v for the network, %v for the address", p.Bits(), p.Masked(), p.Addr())
	}
	return p, nil
}

func parseHost(text string) (netip.Prefix, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, errors.New("must be an address or a prefix, such as 192.0.2.0/24 or 2001:db8::/32")
	}
	if addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("has a zone, which the kernel's sockets do not record: write %v", addr.WithZone(""))
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// parseFamily returns AF_INET or AF_INET6, which are 2 and 10 on Linux.
func parseFamily(text string) (uint16, error) {
	switch text {
	case "ipv4":
		return 2, nil
	case "ipv6":
		return 10, nil
	}
	return 0, errors.New("must be ipv4 or ipv6")
}

func parseText(text string) (string, error) {
	if text == "" {
		return "", errors.New("must not be empty")
	}
	return text, nil
}

// distinct returns the values without repetition, in their order.
func distinct[T comparable](values []T) []T {
	seen := map[T]bool{}
	var kept []T
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			kept = append(kept, v)
		}
	}
	return kept
}
