//go:build vmtest && linux

package minicontainer_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// TestBridge: two containers and the host reach each other, a network beyond
// the host sees the host's address, and at the end nothing is left.
func TestBridge(t *testing.T) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	beyond := newBeyond(t)
	first := b.word()
	one := b.start(t, "listen:0.0.0.0:7000", "--id", first, "--network", "bridge", "--nat", "--report", artifact(t, "bridge.json"))
	require.Equal(t, "ready", one.line(t))

	said, err := dialed("10.199.0.2:7000")
	require.NoError(t, err)
	require.Equal(t, "10.199.0.1", said, "the host is not the bridge's address")
	two := b.start(t, "dial:10.199.0.2:7000", "--network", "bridge")
	require.Equal(t, "10.199.0.3", two.line(t), "the second container's address")
	require.Equal(t, 0, two.end(t))
	out := b.start(t, "dial:"+beyond.address, "--network", "bridge", "--nat")
	require.Equal(t, beyond.host, out.line(t), "NAT does not give packets the host's address")
	require.Equal(t, 0, out.end(t))
	require.Len(t, natRules(t), 1, "the rule of a container that has ended is left, or that of another is not there")

	b.command(t, 0, "kill", first)
	require.Equal(t, 128+9, one.end(t))
	r := readReport(t, artifact(t, "bridge.json"))
	require.Equal(t, "10.199.0.2/16", r.Network.Address)
	beyond.close(t)
	requireNetworkBack(t, before)
}

// TestBridgeRefusals: what others have is neither joined nor cut off.
func TestBridgeRefusals(t *testing.T) {
	b := newBench(t, 0)
	attributes := netlink.NewLinkAttrs()
	attributes.Name = "theirs"
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attributes}))
	setUp(t, "theirs", "172.16.0.1/24")
	theirs, err := netlink.LinkByName("theirs")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, netlink.LinkDel(theirs)) })
	before := takeNetwork(t)
	kept := b.start(t, "wait", "--network", "bridge", "--subnet", "10.5.0.0/24")
	kept.line(t)
	for want, flags := range map[string][]string{
		"an interface of this name exists and is not one of ours": {"--bridge", "theirs"},
		"subnet 172.16.0.0/16 overlaps 172.16.0.1/24 of theirs":   {"--bridge", "mc1", "--subnet", "172.16.0.0/16"},
		"containers on one bridge share one subnet":               {"--subnet", "10.6.0.0/24"},
	} {
		during := takeNetwork(t)
		c := b.start(t, "exit:0", append(flags, "--network", "bridge", "--nat")...)
		require.Equal(t, 128, c.end(t), "stderr: %s", &c.stderr)
		require.Contains(t, c.stderr.String(), want)
		requireNetworkBack(t, during)
	}
	addresses, err := netlink.AddrList(theirs, netlink.FAMILY_V4)
	require.NoError(t, err)
	require.Len(t, addresses, 1)
	require.Equal(t, 0, kept.end(t))
	requireNetworkBack(t, before)
}

// TestNames: files that docs/commands.md binds are the container's, who cannot
// change them; the image has none of them.
func TestNames(t *testing.T) {
	b := newBench(t, 0)
	hosts, resolver := filepath.Join(b.base, "hosts"), filepath.Join(b.base, "resolv.conf")
	require.NoError(t, os.WriteFile(hosts, []byte("127.0.0.1 localhost\n10.199.0.2 web\n"), 0o644))
	require.NoError(t, os.WriteFile(resolver, []byte("nameserver 192.0.2.53\n"), 0o644))
	names := []string{"--network", "bridge", "--bind", hosts + ":/etc/hosts:ro", "--bind", resolver + ":/etc/resolv.conf:ro"}
	web := b.start(t, "listen:0.0.0.0:7000", names...)
	require.Equal(t, "ready", web.line(t))
	for mode, want := range map[string]string{
		"dial:web:7000": "10.199.0.3", "read:/etc/resolv.conf": "nameserver 192.0.2.53", "write:/etc/hosts": "EROFS", "write:/etc/resolv.conf": "EROFS",
	} {
		c := b.start(t, mode, names...)
		require.Equal(t, want, c.line(t), mode)
		require.Equal(t, 0, c.end(t))
	}
	require.NoError(t, web.cmd.Process.Signal(unix.SIGKILL))
	web.cmd.Wait()
	b.collect()
}

// TestBridgeOfTwoStates: a bridge is the machine's, whatever the directory that
// its containers are remembered in.
func TestBridgeOfTwoStates(t *testing.T) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	one := b.start(t, "listen:0.0.0.0:7000", "--network", "bridge", "--nat")
	require.Equal(t, "ready", one.line(t))
	elsewhere := []string{"--network", "bridge", "--nat", "--state-dir", filepath.Join(b.base, "elsewhere")}
	two := b.start(t, "dial:10.199.0.2:7000", elsewhere...)
	require.Equal(t, "10.199.0.3", two.line(t), "one address was given away twice")
	require.Equal(t, 0, two.end(t))
	three := b.start(t, "dial:10.199.0.2:7000", elsewhere...)
	require.Equal(t, "10.199.0.3", three.line(t), "the bridge went from below the first container")
	require.Equal(t, 0, three.end(t))
	one.kill(t)
	b.command(t, 0, "gc")
	requireNetworkBack(t, before)
}

// TestNetworkModes: what there is of interfaces in each.
func TestNetworkModes(t *testing.T) {
	b := newBench(t, 0)
	host, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	for mode, want := range map[string]func(s story){
		"none": func(s story) {
			require.NotContains(t, s.Interfaces["lo"], "up")
			require.NotEqual(t, host, s.Namespaces["net"])
		},
		"loopback": func(s story) { requireNetwork(t, s); require.NotEqual(t, host, s.Namespaces["net"]) },
		"host":     func(s story) { require.Equal(t, host, s.Namespaces["net"]) },
	} {
		c := b.start(t, "story:"+b.secret, "--network", mode)
		want(c.story(t))
		require.Equal(t, 0, c.end(t), mode)
	}
	// Who has no power over the network has no sysfs of it, but the host's.
	for _, uid := range []uint32{0, 1000} {
		b := newBench(t, uid)
		c := b.start(t, "story:"+b.secret, "--network", "host", "--user-ns")
		if !atLeast(t, 5, 12) {
			require.Equal(t, 4, c.end(t))
			require.Contains(t, c.stderr.String(), "Linux 5.12")
			continue
		}
		s := c.story(t)
		require.Equal(t, host, s.Namespaces["net"])
		for target, mount := range mountsOf(c.find(t, b)) {
			if strings.HasPrefix(target, "/sys") {
				require.Regexp(t, ` ro[, ]`, mount)
			}
		}
		require.Equal(t, 0, c.end(t))
	}
}

// TestKilledSupervisor: what the kernel does not clean up is gone after gc,
// and what lives is not touched.
func TestKilledSupervisor(t *testing.T) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	t.Cleanup(b.killProbes)
	dead, alive := b.word(), b.word()
	lost := b.start(t, "stay", "--id", dead, "--network", "bridge", "--nat", "--memory", "64M")
	lost.line(t)
	pid := lost.find(t, b)
	kept := b.start(t, "listen:0.0.0.0:7000", "--id", alive, "--network", "bridge", "--nat", "--memory", "64M")
	kept.line(t)
	keptPID := kept.find(t, b)
	require.Len(t, natRules(t), 2)

	require.NoError(t, lost.cmd.Process.Kill())
	lost.cmd.Wait()
	eventually(t, "the container outlives its supervisor", gone(fmt.Sprintf("/proc/%d", pid)))
	eventually(t, "its veth outlives it", func() bool { return len(takeNetwork(t).links) == len(before.links)+2 })
	require.DirExists(t, hierarchy+"/mini-container/"+dead, "nobody was there to remove it: the test tests nothing")

	var report minicontainer.GCReport
	b.commandJSON(t, "gc.json", &report, "gc")
	require.Equal(t, []string{dead}, report.Removed)
	require.NoDirExists(t, hierarchy+"/mini-container/"+dead)
	require.Len(t, natRules(t), 1)
	require.NoDirExists(t, "/run/mini-container/"+dead)

	require.Equal(t, "/mini-container/"+alive, cgroupOf(t, keptPID))
	said, err := dialed("10.199.0.3:7000")
	require.NoError(t, err, "gc has touched a live container")
	require.Equal(t, "10.199.0.1", said)
	require.NoError(t, kept.cmd.Process.Kill())
	kept.cmd.Wait()
	c := b.start(t, "exit:0") // a run clears away too
	require.Equal(t, 0, c.end(t))
	require.NoDirExists(t, hierarchy+"/mini-container")
	requireNetworkBack(t, before)
}

// networkStock is what containers could leave on the host's network.
type networkStock struct {
	links   []string
	rules   []string
	forward []string
	leases  []string
}

func takeNetwork(t *testing.T) networkStock {
	t.Helper()
	s := networkStock{rules: natRules(t)}
	for _, setting := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		s.forward = append(s.forward, readText("/proc/sys/net/"+setting))
	}
	links, err := net.Interfaces()
	require.NoError(t, err)
	for _, l := range links {
		s.links = append(s.links, l.Name)
	}
	entries, _ := os.ReadDir("/run/mini-container/.network")
	for _, e := range entries {
		s.leases = append(s.leases, e.Name())
	}
	return s
}

// requireNetworkBack waits if it must: a namespace is taken apart, with its
// end of a veth pair, on the kernel's own time.
func requireNetworkBack(t *testing.T, want networkStock) {
	t.Helper()
	eventually(t, "interfaces are left", func() bool { return len(takeNetwork(t).links) <= len(want.links) })
	require.Equal(t, want, takeNetwork(t))
}

// natRules lists the rules of our tables, IPv4 first, by their comments.
func natRules(t *testing.T) []string {
	t.Helper()
	conn, err := nftables.New()
	require.NoError(t, err)
	tables, err := conn.ListTables()
	require.NoError(t, err)
	var all []string
	for _, table := range tables {
		if table.Name != "mini-container" {
			continue
		}
		all = append([]string{}, all...)
		rules, err := conn.GetRules(table, &nftables.Chain{Name: "postrouting", Table: table})
		require.NoError(t, err)
		for _, r := range rules {
			all = append(all, strings.Trim(string(r.UserData[2:]), "\x00"))
		}
	}
	return all
}

// beyond is a network behind the host, with a listener on it.
type beyond struct {
	host, address   string
	host6, address6 string
	tid             int // of a thread in it
}

func newBeyond(t *testing.T) *beyond {
	t.Helper()
	listening, done := make(chan error), make(chan struct{})
	t.Cleanup(func() { close(done) })
	made := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread dies with its namespace
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			listening <- err
			return
		}
		made <- unix.Gettid()
		<-made
		four, err := net.Listen("tcp4", "192.0.2.2:7000")
		six, err6 := net.Listen("tcp6", "[2001:db8::2]:7000")
		listening <- errors.Join(err, err6)
		if err != nil || err6 != nil {
			return
		}
		go func() { <-done; four.Close(); six.Close() }()
		go greet(six)
		greet(four)
	}()
	b := &beyond{host: "192.0.2.1", address: "192.0.2.2:7000", host6: "2001:db8::1", address6: "[2001:db8::2]:7000"}
	b.tid = <-made
	b.connect(t, b.tid)
	made <- 0
	require.NoError(t, <-listening)
	return b
}

// greet tells each caller what their address is.
func greet(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		fmt.Fprintln(c, host)
		c.Close()
	}
}

func (b *beyond) connect(t *testing.T, tid int) {
	t.Helper()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = "beyond0"
	veth := &netlink.Veth{LinkAttrs: attributes, PeerName: "beyond1", PeerNamespace: netlink.NsPid(tid)}
	require.NoError(t, netlink.LinkAdd(veth))
	setUp(t, "beyond0", b.host+"/24", b.host6+"/64")
	inNamespace(t, tid, "net", func() error { setUp(t, "beyond1", "192.0.2.2/24", "2001:db8::2/64"); return nil })
}

func setUp(t *testing.T, name string, addresses ...string) {
	link, err := netlink.LinkByName(name)
	require.NoError(t, err)
	for _, address := range addresses {
		a, err := netlink.ParseAddr(address)
		require.NoError(t, err)
		if a.IP.To4() == nil {
			a.Flags = unix.IFA_F_NODAD
		}
		require.NoError(t, netlink.AddrAdd(link, a))
	}
	require.NoError(t, netlink.LinkSetUp(link))
}

func (b *beyond) close(t *testing.T) {
	link, err := netlink.LinkByName("beyond0")
	require.NoError(t, err)
	require.NoError(t, netlink.LinkDel(link))
}
