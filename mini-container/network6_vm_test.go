//go:build vmtest && linux

package minicontainer_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestBridge6 is TestBridge over IPv6, while IPv4 goes on beside it.
func TestBridge6(t *testing.T) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	beyond := newBeyond(t)
	first := b.word()
	one := b.start(t, "listen:[::]:7000", "--id", first, "--network", "bridge", "--subnet6", "auto", "--nat", "--report", artifact(t, "bridge6.json"))
	require.Equal(t, "ready", one.line(t))

	for listener, want := range map[string]string{"[fd9c:4f1e:7a63:199::2]:7000": "fd9c:4f1e:7a63:199::1", "10.199.0.2:7000": "10.199.0.1"} {
		said, err := dialed(listener)
		require.NoError(t, err)
		require.Equal(t, want, said)
	}
	two := b.start(t, "dial:[fd9c:4f1e:7a63:199::2]:7000", "--network", "bridge", "--subnet6", "auto")
	require.Equal(t, "fd9c:4f1e:7a63:199::3", two.line(t), "the second container's address")
	require.Equal(t, 0, two.end(t))
	for address, want := range map[string]string{beyond.address6: beyond.host6, beyond.address: beyond.host} {
		out := b.start(t, "dial:"+address, "--network", "bridge", "--subnet6", "auto", "--nat")
		require.Equal(t, want, out.line(t), "NAT does not give packets the host's address")
		require.Equal(t, 0, out.end(t))
	}
	alone := b.start(t, "dial:"+beyond.address, "--network", "bridge", "--nat")
	require.Equal(t, beyond.host, alone.line(t), "IPv4 alone, on a bridge that has both")
	require.Equal(t, 0, alone.end(t))
	require.Equal(t, []string{first, first}, natRules(t))

	c := b.start(t, "exit:0", "--network", "bridge", "--subnet6", "fd00:1::/64")
	require.Equal(t, 128, c.end(t))
	require.Contains(t, c.stderr.String(), "containers on one bridge share one subnet")
	b.command(t, 0, "kill", first)
	require.Equal(t, 128+9, one.end(t))
	r := readReport(t, artifact(t, "bridge6.json"))
	require.Equal(t, []string{"10.199.0.2/16", "fd9c:4f1e:7a63:199::2/64"}, []string{r.Network.Address, r.Network.Address6})
	beyond.close(t)
	requireNetworkBack(t, before)
}

// TestBridge6Refusals: who asks for IPv6 and cannot have it is told.
func TestBridge6Refusals(t *testing.T) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	beyond := newBeyond(t)
	during := takeNetwork(t)
	refused := func(want string, code int, flags ...string) {
		t.Helper()
		c := b.start(t, "exit:0", append([]string{"--network", "bridge"}, flags...)...)
		require.Equal(t, code, c.end(t), "stderr: %s", &c.stderr)
		require.Contains(t, c.stderr.String(), want)
		requireNetworkBack(t, during)
	}
	refused("overlaps 2001:db8::1/64 of beyond0", 128, "--subnet6", "2001:db8::/64")
	off := "/proc/sys/net/ipv6/conf/default/disable_ipv6"
	require.NoError(t, os.WriteFile(off, []byte("1"), 0))
	t.Cleanup(func() { _ = os.WriteFile(off, []byte("0"), 0) })
	refused("IPv6 is switched off: net.ipv6.conf.mc0.disable_ipv6", 4, "--subnet6", "auto")
	require.NoError(t, os.WriteFile(off, []byte("0"), 0))

	// A host that lives on router advertisements is not cut off.
	eventually(t, "the host does not believe in a router: the test tests nothing", func() bool {
		inNamespace(t, beyond.tid, "net", func() error { return advertise("beyond1") }) // again: it may not listen yet
		return learnt("/proc/net") != ""
	})
	refused("set net.ipv6.conf.beyond0.accept_ra to 2", 4, "--subnet6", "auto", "--nat")
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv6/conf/beyond0/accept_ra", []byte("2"), 0))
	c := b.start(t, "dial:"+beyond.address6, "--network", "bridge", "--subnet6", "auto", "--nat")
	require.Equal(t, beyond.host6, c.line(t))
	require.Contains(t, learnt("/proc/net"), "beyond0")
	require.Equal(t, 0, c.end(t))
	beyond.close(t)
	requireNetworkBack(t, before)
}

// TestCVE_2020_13401: a container says that it is a router. Neither the host
// nor its neighbour sends anything there, with IPv6 or without.
func TestCVE_2020_13401(t *testing.T) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	for _, subnet6 := range []string{"none", "auto"} {
		t.Run(subnet6, func(t *testing.T) {
			victim := b.start(t, "wait", "--network", "bridge", "--subnet6", subnet6)
			victim.line(t)
			attacker := b.start(t, "advertise:eth0", "--network", "bridge", "--subnet6", subnet6, "--cap-add", "net_raw")
			require.Equal(t, "sent", attacker.line(t))
			inside := fmt.Sprintf("/proc/%d/net", victim.find(t, b))
			for where, link := range map[string]string{"/proc/net": "mc0", inside: "eth0"} {
				eventually(t, "nobody hears it: the test tests nothing", func() bool { return heard(where+"/dev_snmp6/"+link) > 0 })
				require.Empty(t, learnt(where))
				require.NotContains(t, readText(where+"/if_inet6"), "20010db80bad")
			}
			require.Equal(t, 0, attacker.end(t))
			require.Equal(t, 0, victim.end(t))
			requireNetworkBack(t, before)
		})
	}
}

// learnt are the routes that came from router advertisements.
func learnt(procNet string) string {
	const fromRouter = 0x00040000 // RTF_ADDRCONF
	found := ""
	for _, line := range readLines(procNet + "/ipv6_route") {
		f := strings.Fields(line)
		if flags, _ := strconv.ParseUint(f[8], 16, 32); flags&fromRouter != 0 {
			found += line + "\n"
		}
	}
	return found
}

// heard counts the router advertisements that reached an interface.
func heard(statistics string) int {
	for _, line := range readLines(statistics) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "Icmp6InType134" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

// advertise says on a link that we are a router and what its prefix is
// (RFC 4861, 4.2), some times over. Before the link has an address of its own
// it waits.
func advertise(name string) error {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for option, value := range map[int]int{unix.IPV6_MULTICAST_HOPS: 255, unix.IPV6_MULTICAST_IF: link.Index} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, option, value); err != nil {
			return err
		}
	}
	message := make([]byte, 16, 48)
	message[0], message[4], message[6] = 134, 64, 7 // router advertisement, hop limit, seconds*256
	message = append(message, 3, 4, 64, 0xc0, 0, 0, 7, 0, 0, 0, 7, 0, 0, 0, 0, 0)
	message = append(message, net.ParseIP("2001:db8:bad::")...)
	everybody := &unix.SockaddrInet6{ZoneId: uint32(link.Index), Addr: [16]byte{0: 0xff, 1: 2, 15: 1}}
	const times = 5
	sent := 0
	for end := time.Now().Add(patience); sent < times; time.Sleep(100 * time.Millisecond) {
		err := unix.Sendto(fd, message, 0, everybody)
		if err == nil {
			sent++
		} else if !errors.Is(err, unix.EADDRNOTAVAIL) || time.Now().After(end) {
			return err
		}
	}
	return nil
}

func advertiseInside(name string) string {
	if err := advertise(name); err != nil {
		return err.Error()
	}
	return "sent"
}
