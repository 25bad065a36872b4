package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// interfaces6 has a directory of settings for each interface.
func (m *Manager) interfaces6(name, file string) string {
	return filepath.Join(m.Proc, "sys/net/ipv6/conf", name, file)
}

func (m *Manager) checkIP6() error {
	_, err := os.Stat(filepath.Join(m.Proc, "sys/net/ipv6"))
	if errors.Is(err, fs.ErrNotExist) {
		return exitcode.With(exitcode.Unsupported, errors.New("give IPv6 address: this kernel has no IPv6 (CONFIG_IPV6, or ipv6.disable=1)"))
	}
	return err
}

// ignoreRouters makes an interface deaf to router advertisements: with one of
// those a container could lead the traffic of the host, or of its neighbours,
// to itself (CVE-2020-13401). A kernel without IPv6 hears none.
func (m *Manager) ignoreRouters(name string) error {
	err := os.WriteFile(m.interfaces6(name, "accept_ra"), []byte("0"), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("let %s ignore router advertisements: %w", name, err)
	}
	return nil
}

// finishBridge6 gives the bridge its IPv6 address. Nobody waits for duplicate
// address detection: there is nobody but us to give addresses.
func finishBridge6(link netlink.Link, c Config) error {
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V6)
	if err != nil {
		return fmt.Errorf("read addresses of bridge %s: %w", c.Bridge, err)
	}
	for _, a := range addresses {
		switch {
		case a.IPNet.String() == c.Gateway6().String():
			return nil
		case a.Scope == unix.RT_SCOPE_UNIVERSE:
			return fmt.Errorf("join bridge %s: it has address %s and not %s; containers on one bridge share one subnet", c.Bridge, a.IPNet, c.Gateway6())
		}
	}
	if err := checkFree(c.Subnet6, netlink.FAMILY_V6); err != nil {
		return err
	}
	err = netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(c.Gateway6()), Flags: flagsOf(c.Gateway6())})
	if errors.Is(err, unix.EACCES) {
		err = exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (IPv6 is switched off: net.ipv6.conf.%s.disable_ipv6)", err, c.Bridge))
	}
	if err != nil {
		return fmt.Errorf("give bridge %s its IPv6 address: %w", c.Bridge, err)
	}
	return nil
}

// checkUplinks: a host that forwards IPv6 forgets the routes that it learnt
// from router advertisements, and learns no more, unless its administrator
// wants both. We do not cut it off.
func (m *Manager) checkUplinks() error {
	const learnt = 0x00040000 // RTF_ADDRCONF
	text, err := os.ReadFile(filepath.Join(m.Proc, "net/ipv6_route"))
	if err != nil {
		return fmt.Errorf("read IPv6 routes: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line) // destination, length, ..., flags, interface
		if len(f) < 10 || f[1] != "00" {
			continue
		}
		flags, err := strconv.ParseUint(f[8], 16, 32)
		if err != nil || flags&learnt == 0 {
			continue
		}
		if setting, err := os.ReadFile(m.interfaces6(f[9], "accept_ra")); err == nil && strings.TrimSpace(string(setting)) != "2" {
			return exitcode.With(exitcode.Unsupported, fmt.Errorf("switch forwarding on: the host would lose its IPv6 default route,"+
				" which it learnt on %s: set net.ipv6.conf.%s.accept_ra to 2 before", f[9], f[9]))
		}
	}
	return nil
}

// inNamespace calls do on a thread that is in the network namespace.
func inNamespace(ns netns.NsHandle, do func() error) error {
	runtime.LockOSThread()
	own, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("find own network namespace: %w", err)
	}
	defer func() { _ = own.Close() }()
	if err := netns.Set(ns); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace: %w", err)
	}
	fault := do()
	if err := netns.Set(own); err != nil {
		return errors.Join(fault, fmt.Errorf("leave network namespace: %w", err)) // the thread is of no use any more
	}
	runtime.UnlockOSThread()
	return fault
}
