package minicontainer

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/diagram"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
)

// TestPictureOfPlan: what is drawn is what the configuration has.
func TestPictureOfPlan(t *testing.T) {
	for _, options := range []Options{{}, {UserNS: true}, {UserNS: true, Time: true}, {HostNet: true}} {
		options.Args = []string{"true"}
		c := &Container{Spec: NewSpec(options)}
		p := PictureOfPlan(c)
		require.Len(t, p.Namespaces, len(namespaceTypes))
		for _, ns := range p.Namespaces {
			own := false
			for _, wanted := range c.Spec.Linux.Namespaces {
				own = own || namespaceFiles[wanted.Type] == ns.Kind
			}
			require.Equal(t, own, ns.Relation == diagram.Own, ns.Kind)
			require.Equal(t, own && options.UserNS && ns.Kind != "user", ns.Owned, ns.Kind)
			require.Zero(t, ns.Inode, "nothing is made yet")
		}
		require.Len(t, p.Mounts, len(c.Spec.Mounts))
	}
	c := &Container{Spec: NewSpec(Options{}), Extra: Extra{Network: Network{Mode: network.Bridge, Config: network.Config{Bridge: "mc0"}}}}
	require.Contains(t, PictureOfPlan(c).Links[0], "mc0")
}

// TestLinkTexts: what is known is said, and no more.
func TestLinkTexts(t *testing.T) {
	address := []netip.Prefix{netip.MustParsePrefix("10.199.0.2/16")}
	require.Equal(t, []string{
		"eth0 10.199.0.2/16 - mc-1 on bridge mc0, NAT",
		"eth1 - mc-2",
		"eth2 10.199.0.2/16 - an interface out of sight",
		"tap0 (tuntap) 10.199.0.2/16",
	}, linkTexts([]network.Link{
		{Name: "eth0", Kind: "veth", Addresses: address, Peer: "mc-1", Bridge: "mc0", NAT: true},
		{Name: "eth1", Kind: "veth", Peer: "mc-2"},
		{Name: "eth2", Kind: "veth", Addresses: address},
		{Name: "tap0", Kind: "tuntap", Addresses: address},
	}))
	require.Empty(t, linkTexts(nil))
}

func TestPictureOf(t *testing.T) {
	yes, no := true, false
	report := &inspect.Report{PID: os.Getpid(), Name: "sh", Namespaces: []inspect.Namespace{{Type: "net", Inode: 1, SharedWithInit: &yes}}}
	p := PictureOf(report)
	require.Empty(t, p.Links, "the host's are not its own")
	report.Namespaces[0].SharedWithInit = &no
	require.Equal(t, []string{"not readable any more"}, PictureOf(report).Links, "another namespace than was inspected")
	report.PID = 1 << 30
	require.Equal(t, []string{"not readable any more"}, PictureOf(report).Links)
	var out strings.Builder
	require.NoError(t, p.Text(&out))
	require.Contains(t, out.String(), "process "+strconv.Itoa(os.Getpid())+", sh")
}
