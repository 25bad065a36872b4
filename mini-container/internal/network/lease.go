package network

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// errFull is that a subnet has no address left.
var errFull = errors.New("all addresses are taken")

// lease takes the lowest free address of the subnet for a container, and
// keeps it as a file. The caller holds the lock.
func lease(dir string, c Config, id string) (netip.Prefix, error) {
	taken, err := leases(dir)
	if err != nil {
		return netip.Prefix{}, err
	}
	address, err := lowestFree(c.Subnet, taken)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("lease address of %s: %w", c.Subnet, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return netip.Prefix{}, fmt.Errorf("lease address: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, address.String()+"_"+id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("lease address: %w", err)
	}
	file.Close()
	return netip.PrefixFrom(address, c.Subnet.Bits()), nil
}

// leases lists who has which address.
func leases(dir string) (map[netip.Addr]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	taken := map[netip.Addr]string{}
	for _, e := range entries {
		if address, id, ok := parseLease(e.Name()); ok {
			taken[address] = id
		}
	}
	return taken, nil
}

func parseLease(name string) (netip.Addr, string, bool) {
	text, id, found := strings.Cut(name, "_")
	address, err := netip.ParseAddr(text)
	return address, id, found && err == nil && id != ""
}

// lowestFree leaves out the first address, which is the network's, the second,
// which is the bridge's, and the last, which is for broadcasts.
func lowestFree(subnet netip.Prefix, taken map[netip.Addr]string) (netip.Addr, error) {
	for a := subnet.Addr().Next().Next(); subnet.Contains(a.Next()); a = a.Next() {
		if _, used := taken[a]; !used {
			return a, nil
		}
	}
	return netip.Addr{}, errFull
}

// release gives back what a container has leased and returns how many leases
// are left. That the container has none is no error.
func release(dir, id string) (left int, err error) {
	taken, err := leases(dir)
	if err != nil {
		return 0, err
	}
	for address, owner := range taken {
		if owner != id {
			left++
			continue
		}
		if err := os.Remove(filepath.Join(dir, address.String()+"_"+owner)); err != nil {
			return 0, fmt.Errorf("release address: %w", err)
		}
	}
	return left, nil
}
