package network

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Link is one interface of a network namespace, as the kernel has it.
type Link struct {
	Name      string
	Kind      string // "veth"
	Addresses []netip.Prefix
	Peer      string // the other end of a veth pair, if that is in the caller's namespace
	Bridge    string // what Peer is a port of
	NAT       bool   // our nftables table translates an address of it
}

// Links looks into the network namespace that is open at ns. Loopback is left
// out, and what the kernel makes everywhere and nobody has set up.
func Links(ns *os.File) ([]Link, error) {
	if err := tryToEnter(ns); err != nil {
		return nil, err
	}
	inside, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("enter network namespace: %w", err)
	}
	defer inside.Close()
	toUs, fromUs, err := names(inside, ns)
	if err != nil {
		return nil, err
	}
	all, err := inside.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	links := []Link{}
	for _, found := range all {
		a := found.Attrs()
		if a.Flags&net.FlagLoopback != 0 {
			continue
		}
		l := Link{Name: a.Name, Kind: found.Type()}
		if l.Addresses, err = addressesOf(inside, found); err != nil {
			return nil, err
		}
		if l.Kind != "veth" && a.Flags&net.FlagUp == 0 && len(l.Addresses) == 0 {
			continue
		}
		if l.Kind == "veth" && a.NetNsID >= 0 && a.NetNsID == toUs {
			l.Peer, l.Bridge = otherEnd(a, fromUs)
		}
		l.NAT = translated(l.Addresses)
		links = append(links, l)
	}
	return links, nil
}

// tryToEnter says why not, which the library only puts into words.
func tryToEnter(ns *os.File) error {
	tried := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends in there
		tried <- unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
	}()
	if err := <-tried; err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
}

// names asks what the two network namespaces call each other, see
// IFLA_LINK_NETNSID; -1 is not at all.
func names(inside *netlink.Handle, ns *os.File) (toUs, fromUs int, err error) {
	own, err := netns.Get()
	if err != nil {
		return 0, 0, fmt.Errorf("open own network namespace: %w", err)
	}
	defer func() { _ = own.Close() }()
	if toUs, err = inside.GetNetNsIdByFd(int(own)); err == nil {
		fromUs, err = netlink.GetNetNsIdByFd(int(ns.Fd()))
	}
	if err != nil {
		return 0, 0, fmt.Errorf("ask for network namespace: %w", err)
	}
	return toUs, fromUs, nil
}

func addressesOf(inside *netlink.Handle, link netlink.Link) ([]netip.Prefix, error) {
	found, err := inside.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("read addresses of %s: %w", link.Attrs().Name, err)
	}
	var addresses []netip.Prefix
	for _, a := range found {
		ip, ok := netip.AddrFromSlice(a.IP)
		if bits, _ := a.Mask.Size(); ok && a.Scope == int(netlink.SCOPE_UNIVERSE) {
			addresses = append(addresses, netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	return addresses, nil
}

// otherEnd finds the far end of a veth pair among our own interfaces. An index
// alone would do for any interface: the two ends name each other.
func otherEnd(a *netlink.LinkAttrs, fromUs int) (name, bridge string) {
	peer, err := netlink.LinkByIndex(a.ParentIndex)
	if err != nil || peer.Type() != "veth" {
		return "", ""
	}
	p := peer.Attrs()
	if p.ParentIndex != a.Index || p.NetNsID != fromUs {
		return "", ""
	}
	if master, err := netlink.LinkByIndex(p.MasterIndex); p.MasterIndex != 0 && err == nil && master.Type() == "bridge" {
		bridge = master.Attrs().Name
	}
	return p.Name, bridge
}

// translated looks for a rule of ours about one of the addresses.
func translated(addresses []netip.Prefix) bool {
	conn, err := nftables.New()
	if err != nil || len(addresses) == 0 {
		return false
	}
	for _, f := range families {
		table := natTable(f.table)
		rules, err := conn.GetRules(table, natChain(table))
		if err != nil {
			continue // there is no such table
		}
		for _, rule := range rules {
			for _, address := range addresses {
				if masquerades(rule.Exprs, address.Addr()) {
					return true
				}
			}
		}
	}
	return false
}

func masquerades(expressions []expr.Any, address netip.Addr) bool {
	about, masquerade := false, false
	for _, e := range expressions {
		switch e := e.(type) {
		case *expr.Cmp:
			about = about || e.Op == expr.CmpOpEq && bytes.Equal(e.Data, address.AsSlice())
		case *expr.Masq:
			masquerade = true
		}
	}
	return about && masquerade
}

// MayNotLook reports whether an error of Links is a lack of privileges.
func MayNotLook(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }
