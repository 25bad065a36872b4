//go:build vmtest && linux

package minicontainer_test

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

// drawnNetwork is the lines about interfaces in a drawing by some user, which
// are the same in both kinds of drawing.
func drawnNetwork(t *testing.T, uid uint32, which string) (lines []string) {
	t.Helper()
	draw := func(args ...string) string {
		cmd := exec.Command(executable(t), append([]string{"diagram", which}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.Output()
		require.NoError(t, err)
		return string(out)
	}
	for line := range strings.Lines(draw()) {
		if _, text, found := strings.Cut(line, "│ network "); found {
			lines = append(lines, strings.TrimRight(text, " │\n"))
		}
	}
	svg := draw("--svg")
	for _, line := range lines {
		require.Contains(t, svg, "data-network=\""+line+"\"")
	}
	require.Equal(t, len(lines), strings.Count(svg, "data-network="))
	return lines
}

// ports is what hangs on a bridge, as sysfs shows it.
func ports(t *testing.T, bridge string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("/sys/class/net/" + bridge + "/brif")
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestDiagramNetwork changes a container's network behind its back: what is
// drawn is what there is, not what was made.
func TestDiagramNetwork(t *testing.T) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	one, two := b.word(), b.word()
	first := b.start(t, "wait", "--id", one, "--network", "bridge", "--nat")
	require.Equal(t, "ready", first.line(t))
	bridge := "mc0"
	names := ports(t, bridge)
	require.Len(t, names, 1)
	second := b.start(t, "wait", "--id", two, "--network", "bridge")
	require.Equal(t, "ready", second.line(t))
	others := slices.DeleteFunc(ports(t, bridge), func(name string) bool { return name == names[0] })
	require.Len(t, others, 1)

	require.Equal(t, []string{"eth0 10.199.0.2/16 - " + names[0] + " on bridge mc0, NAT"}, drawnNetwork(t, 0, one))
	require.Equal(t, []string{"eth0 10.199.0.3/16 - " + others[0] + " on bridge mc0"}, drawnNetwork(t, 0, two))
	require.Equal(t, drawnNetwork(t, 0, one), drawnNetwork(t, 0, strconv.Itoa(first.find(t, b))), "by its PID")

	conn, err := nftables.New()
	require.NoError(t, err)
	conn.DelTable(&nftables.Table{Name: "mini-container", Family: nftables.TableFamilyIPv4})
	require.NoError(t, conn.Flush())
	veth, err := netlink.LinkByName(names[0])
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetNoMaster(veth))
	require.Equal(t, []string{"eth0 10.199.0.2/16 - " + names[0]}, drawnNetwork(t, 0, one))

	require.NoError(t, netlink.LinkDel(veth))
	require.Empty(t, drawnNetwork(t, 0, one), "its pair is gone")
	veth, err = netlink.LinkByName(others[0])
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetNsPid(veth, first.find(t, b)))
	require.Equal(t, []string{"eth0 10.199.0.3/16 - an interface out of sight"}, drawnNetwork(t, 0, two))
	require.Equal(t, []string{others[0] + " - an interface out of sight"}, drawnNetwork(t, 0, one))
	require.Equal(t, 0, second.end(t))
	require.Equal(t, 0, first.end(t))
	requireNetworkBack(t, before)
}

// TestDiagramWithout: networks that have no interface of their own, and one
// that its user may not look into.
func TestDiagramWithout(t *testing.T) {
	for uid, modes := range map[uint32]map[string][]string{
		0:    {"none": nil, "loopback": nil, "host": nil},
		1000: {"loopback": {"not readable: it takes CAP_SYS_ADMIN"}},
	} {
		b := newBench(t, uid)
		for mode, want := range modes {
			flags := []string{"--network", mode}
			if uid != 0 {
				flags = append(flags, "--user-ns")
			}
			c := b.start(t, "wait", flags...)
			require.Equal(t, "ready", c.line(t))
			require.Equal(t, want, drawnNetwork(t, uid, strconv.Itoa(c.find(t, b))), mode)
			require.Equal(t, 0, c.end(t))
		}
	}
}
