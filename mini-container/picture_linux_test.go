package minicontainer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/diagram"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
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

func TestPictureOf(t *testing.T) {
	p := PictureOf(&inspect.Report{PID: 7, Name: "sh"}, &state.Network{Bridge: "mc0", Veth: "mc1", Address: "10.199.0.2/16", NAT: true})
	require.Equal(t, []string{"eth0 10.199.0.2/16 - mc1 on bridge mc0, NAT"}, p.Links)
	require.Empty(t, PictureOf(&inspect.Report{}, nil).Links)
	var out strings.Builder
	require.NoError(t, p.Text(&out))
	require.Contains(t, out.String(), "process 7, sh")
}
