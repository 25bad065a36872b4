package network

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// ownAlias marks the bridges that are ours to remove, for people too. A link
// takes it only once it is there; ownGroup it has from the beginning, so that
// a bridge is known as ours also if we die in between.
const (
	ownAlias = "mini-container"
	ownGroup = 0x6d63 // "mc"
)

// ensureBridge finds the bridge or makes it.
func (m *Manager) ensureBridge(c Config) (netlink.Link, error) {
	link, err := netlink.LinkByName(c.Bridge)
	if err != nil {
		if !isNotFound(err) {
			return nil, fmt.Errorf("find bridge: %w", err)
		}
		if link, err = createBridge(c); err != nil {
			return nil, err
		}
	}
	if err := m.at("network-bridge-bare"); err != nil {
		return nil, err
	}
	return link, m.finishBridge(link, c)
}

func createBridge(c Config) (netlink.Link, error) {
	if err := checkFree(c.Subnet, netlink.FAMILY_V4); err != nil {
		return nil, err
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.Group = c.Bridge, ownGroup
	bridge := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(bridge); err != nil {
		return nil, fmt.Errorf("create bridge %s: %w", c.Bridge, err)
	}
	link, err := netlink.LinkByName(c.Bridge)
	if err != nil {
		return nil, fmt.Errorf("find bridge: %w", err)
	}
	return link, nil
}

func isOwn(link netlink.Link) bool {
	a := link.Attrs()
	return link.Type() == "bridge" && (a.Alias == ownAlias || a.Alias == "" && a.Group == ownGroup)
}

// finishBridge does what is left to do: whoever made it may have died. An
// interface that somebody else made is not joined.
func (m *Manager) finishBridge(link netlink.Link, c Config) error {
	if !isOwn(link) {
		return fmt.Errorf("join bridge %s: an interface of this name exists and is not one of ours", c.Bridge)
	}
	if err := netlink.LinkSetAlias(link, ownAlias); err != nil {
		return fmt.Errorf("mark bridge %s: %w", c.Bridge, err)
	}
	if err := m.ignoreRouters(c.Bridge); err != nil {
		return err
	}
	if err := finishBridge4(link, c); err != nil {
		return err
	}
	if c.HasIP6() {
		if err := finishBridge6(link, c); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set bridge %s up: %w", c.Bridge, err)
	}
	return nil
}

func finishBridge4(link netlink.Link, c Config) error {
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("read addresses of bridge %s: %w", c.Bridge, err)
	}
	if len(addresses) == 0 {
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(c.Gateway())}); err != nil {
			return fmt.Errorf("give bridge %s its address: %w", c.Bridge, err)
		}
	} else if !slices.ContainsFunc(addresses, func(a netlink.Addr) bool { return a.IPNet.String() == c.Gateway().String() }) {
		return fmt.Errorf("join bridge %s: it has addresses %v and not %s; containers on one bridge share one subnet", c.Bridge, addresses, c.Gateway())
	}
	return nil
}

// checkFree: a subnet that the host is on already would lose its way there.
func checkFree(subnet netip.Prefix, family int) error {
	addresses, err := netlink.AddrList(nil, family)
	if err != nil {
		return fmt.Errorf("read addresses of the host: %w", err)
	}
	for _, a := range addresses {
		bits, _ := a.Mask.Size()
		if ip, ok := netip.AddrFromSlice(a.IP); ok && subnet.Overlaps(netip.PrefixFrom(ip.Unmap(), bits)) {
			return fmt.Errorf("create bridge: subnet %s overlaps %s of %s: choose another", subnet, a.IPNet, interfaceName(a.LinkIndex))
		}
	}
	return nil
}

func interfaceName(index int) string {
	link, err := net.InterfaceByIndex(index)
	if err != nil {
		return fmt.Sprint("interface ", index)
	}
	return link.Name
}

// connect makes the veth pair, with the far end born in the container's
// namespace: there is no moment at which its death would leave one behind.
func (m *Manager) connect(c Config, a *Attachment, bridge netlink.Link, pid int) error {
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer func() { _ = ns.Close() }()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = a.Veth
	attributes.MasterIndex = bridge.Attrs().Index
	veth := &netlink.Veth{LinkAttrs: attributes, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns)}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("create veth pair: %w", err)
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return fmt.Errorf("set %s up: %w", a.Veth, err)
	}
	return inNamespace(ns, func() error { return m.configureInside(c, a) })
}

// configureInside is called in the container's namespace.
func (m *Manager) configureInside(c Config, a *Attachment) error {
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0: %w", err)
	}
	if err := m.ignoreRouters("eth0"); err != nil {
		return err
	}
	addresses, gateways := []netip.Prefix{a.Address}, []netip.Prefix{c.Gateway()}
	if c.HasIP6() {
		addresses, gateways = append(addresses, a.Address6), append(gateways, c.Gateway6())
	}
	for _, address := range addresses {
		if err := netlink.AddrAdd(eth0, &netlink.Addr{IPNet: ipNet(address), Flags: flagsOf(address)}); err != nil {
			return fmt.Errorf("give eth0 its address: %w", err)
		}
	}
	if err := netlink.LinkSetUp(eth0); err != nil {
		return fmt.Errorf("set eth0 up: %w", err)
	}
	for _, gateway := range gateways {
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: gateway.Addr().AsSlice()}); err != nil {
			return fmt.Errorf("add default route: %w", err)
		}
	}
	return nil
}

// flagsOf: see finishBridge6.
func flagsOf(address netip.Prefix) int {
	if address.Addr().Is6() {
		return unix.IFA_F_NODAD
	}
	return 0
}

// removeLink: a link that is gone, as a veth is with its namespace, is fine.
func removeLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

func removeBridge(name string) error {
	link, err := netlink.LinkByName(name)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find bridge: %w", err)
	}
	if !isOwn(link) {
		return nil
	}
	return removeLink(name)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
