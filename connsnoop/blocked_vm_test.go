//go:build vmtest && linux

package connsnoop_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// blockedParts have something in the way: a route, a policy, a router's
// message, a program.
var blockedParts = []part{
	{name: "route-unreachable", play: playRoute(unix.RTN_UNREACHABLE, unix.EHOSTUNREACH, "unreachable"), root: true, slow: true},
	{name: "route-prohibited", play: playRoute(unix.RTN_PROHIBIT, unix.EACCES, "error"), root: true, slow: true},
	{name: "route-blackhole", play: playRoute(unix.RTN_BLACKHOLE, unix.EINVAL, "error"), root: true, slow: true},
	{name: "policy-blocked", play: playPolicy, root: true, slow: true},
	{name: "icmp-host-unreachable", play: playICMP(icmpHost, unix.EHOSTUNREACH, false), root: true},
	{name: "icmp-net-unreachable", play: playICMP(icmpNet, unix.ENETUNREACH, true), root: true, slow: true},
	{name: "icmp-then-timeout", play: playICMPThenTimeout, root: true, slow: true},
	{name: "cgroup-denied", play: playDenied, root: true, slow: true},
	{name: "firewall-drop", play: playDropped, root: true, slow: true},
}

// playRoute connects to where a route says no.
func playRoute(kind int, errno unix.Errno, result string) func(*actor) error {
	return func(a *actor) error {
		_, network, err := net.ParseCIDR("192.0.2.0/24")
		if err != nil {
			return err
		}
		if err := netlink.RouteAdd(&netlink.Route{Dst: network, Type: kind}); err != nil {
			return fmt.Errorf("add route: %w", err)
		}
		return playUnreachable("192.0.2.1", errno, result)(a)
	}
}

// playPolicy connects to where an IPsec policy of this namespace forbids to.
func playPolicy(a *actor) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find device: %w", err)
	}
	_, network, err := net.ParseCIDR("192.0.2.0/24")
	if err != nil {
		return err
	}
	err = errors.Join(sysctl("ipv4/conf/lo/disable_xfrm", "0"),
		netlink.RouteAdd(&netlink.Route{Dst: network, LinkIndex: lo.Attrs().Index}),
		netlink.XfrmPolicyAdd(&netlink.XfrmPolicy{Dst: network, Dir: netlink.XFRM_DIR_OUT, Action: netlink.XFRM_POLICY_BLOCK}))
	if err != nil {
		return fmt.Errorf("forbid a network: %w", err)
	}
	return playUnreachable("192.0.2.1", unix.EPERM, "error")(a)
}

// playICMP has a router answer each SYN, which else nobody does.
func playICMP(code byte, errno unix.Errno, nonblocking bool) func(*actor) error {
	return func(a *actor) error {
		l, queued, err := a.deaf()
		if err != nil {
			return err
		}
		r, err := newRouter()
		if err != nil {
			return err
		}
		e, err := a.socket("ipv4", l.address())
		if err != nil {
			return err
		}
		if err := errors.Join(e.bind(), unix.SetNonblock(e.fd, nonblocking)); err != nil {
			return err
		}
		e.Local = netip.AddrPortFrom(loopback["ipv4"], e.Local.Port())
		go r.refuseAll(e.Local.Port(), code) // until the actor exits
		err = e.awaitConnect(e.connect())
		return errors.Join(e.fails(err, errno, "unreachable"), e.closeFailed(), l.hush(queued))
	}
}

// playICMPThenTimeout: of an established connection such a message ends
// nothing, but names the reason when nobody acknowledges any more.
func playICMPThenTimeout(a *actor) error {
	r, err := newRouter()
	if err != nil {
		return err
	}
	client, server, err := a.pair("ipv4")
	if err != nil {
		return err
	}
	if err := a.exchange(client, server); err != nil {
		return err
	}
	last, err := r.lastOf(client.Local.Port())
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(client.fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 300); err != nil {
		return fmt.Errorf("set timeout: %w", err)
	}
	err = errors.Join(r.refuse(last, icmpHost), linkUp("lo", false), client.send(10), client.awaitError())
	if err != nil {
		return err
	}
	client.Result, server.Result = "unreachable", "aborted"
	return errors.Join(client.close(), linkUp("lo", true), server.reset())
}

// guard attaches a program that lets nothing pass to the actor's own cgroup.
func guard(kind ebpf.ProgramType, attach ebpf.AttachType) (*ebpf.Program, link.Link, error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, nil, err
	}
	var here truth
	if err := here.place(); err != nil {
		return nil, nil, err
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "guard", Type: kind, AttachType: attach,
		License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}})
	if err != nil {
		return nil, nil, fmt.Errorf("load guard: %w", err)
	}
	l, err := link.AttachCgroup(link.CgroupOptions{Path: "/sys/fs/cgroup" + here.CgroupPath, Attach: attach, Program: program})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("attach guard: %w", err), program.Close())
	}
	return program, l, nil
}

// playDenied: TCP never hears of such a connect.
func playDenied(a *actor) error {
	program, l, err := guard(ebpf.CGroupSockAddr, ebpf.AttachCGroupInet4Connect)
	if err != nil {
		return err
	}
	remote, err := a.taken("ipv4")
	if err != nil {
		return err
	}
	e, err := a.socket("ipv4", remote)
	if err != nil {
		return err
	}
	e.Kind = "none"
	if err := e.connect(); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("connect: got %v, want EPERM", err)
	}
	return errors.Join(e.closeFailed(), l.Close(), program.Close())
}

// playDropped: no packet leaves the cgroup, which connect does not say.
func playDropped(a *actor) error {
	remote, err := a.taken("ipv4")
	if err != nil {
		return err
	}
	program, l, err := guard(ebpf.CGroupSKB, ebpf.AttachCGroupInetEgress)
	if err != nil {
		return err
	}
	e, err := a.socket("ipv4", remote)
	if err != nil {
		return err
	}
	if err := errors.Join(e.bind(), e.giveUpSoon()); err != nil {
		return err
	}
	e.Local = netip.AddrPortFrom(loopback["ipv4"], e.Local.Port())
	err = e.awaitConnect(e.connect())
	return errors.Join(e.fails(err, unix.ETIMEDOUT, "timeout"), e.closeFailed(), l.Close(), program.Close())
}
