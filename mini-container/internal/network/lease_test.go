package network

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func config(subnet string) Config {
	return Config{Bridge: DefaultBridge, Subnet: netip.MustParsePrefix(subnet)}
}

func TestParseMode(t *testing.T) {
	for _, mode := range Modes {
		got, err := ParseMode(string(mode))
		require.NoError(t, err)
		require.Equal(t, mode, got)
	}
	_, err := ParseMode("macvlan")
	require.ErrorContains(t, err, `network mode "macvlan" is none of none, loopback, bridge, host`)
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		c    Config
		want string
	}{
		{"default", config(DefaultSubnet), ""},
		{"smallest", config("10.0.0.0/29"), ""},
		{"largest", config("10.0.0.0/8"), ""},
		{"too small", config("10.0.0.0/30"), "want /8 to /29"},
		{"too large", config("10.0.0.0/7"), "want"},
		{"not a network", config("10.0.0.1/16"), "want 10.0.0.0/16"},
		{"IPv6", config("fd00::/64"), "want IPv4"},
		{"no subnet", Config{Bridge: "a"}, "want IPv4"},
		{"no name", Config{Subnet: netip.MustParsePrefix(DefaultSubnet)}, "bridge name"},
		{"long name", Config{Bridge: "abcdefghijklmnop"}, "bridge name"},
		{"path", Config{Bridge: "../x"}, "bridge name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.c.Check()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
	require.Equal(t, "10.199.0.1/16", config(DefaultSubnet).Gateway().String())
}

func TestCheck6(t *testing.T) {
	tests := []struct{ name, subnet, want string }{
		{"default", DefaultSubnet6, ""},
		{"smallest", "fd00::/96", ""},
		{"largest", "2001:db8::/48", ""},
		{"too small", "fd00::/97", "want /48 to /96"},
		{"too large", "fd00::/47", "want /48 to /96"},
		{"not a network", "fd00::1/64", "want fd00::/64"},
		{"IPv4", "10.0.0.0/16", "want one such as " + DefaultSubnet6},
		{"IPv4 in IPv6", "::ffff:10.0.0.0/112", "want one such as"},
		{"of the link", "fe80::/64", "want one such as"},
		{"for many", "ff02::/64", "want one such as"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config(DefaultSubnet)
			c.Subnet6 = netip.MustParsePrefix(tt.subnet)
			err := c.Check()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// TestBeside: the IPv6 address is as far behind its beginning as the other.
func TestBeside(t *testing.T) {
	tests := []struct{ subnet, subnet6, address, want string }{
		{DefaultSubnet, DefaultSubnet6, "10.199.0.2", "fd9c:4f1e:7a63:199::2/64"},
		{DefaultSubnet, "fd00::/96", "10.199.255.254", "fd00::fffe/96"},
		{"10.0.0.0/8", "fd00::/96", "10.9.8.7", "fd00::9:807/96"},
		{"192.168.1.8/29", "fd00::/64", "192.168.1.14", "fd00::6/64"},
	}
	for _, tt := range tests {
		c := config(tt.subnet)
		require.False(t, c.beside(netip.MustParseAddr(tt.address)).IsValid())
		c.Subnet6 = netip.MustParsePrefix(tt.subnet6)
		require.Equal(t, tt.want, c.beside(netip.MustParseAddr(tt.address)).String())
		require.Equal(t, c.Subnet6.Addr().Next(), c.Gateway6().Addr())
	}
}

func TestLease(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mc0")
	c := config("10.0.0.0/29")
	var got []string
	for _, id := range []string{"a", "b_1", "c", "d", "e"} {
		p, err := lease(dir, c, id)
		require.NoError(t, err)
		got = append(got, p.String())
	}
	require.Equal(t, []string{"10.0.0.2/29", "10.0.0.3/29", "10.0.0.4/29", "10.0.0.5/29", "10.0.0.6/29"}, got)
	_, err := lease(dir, c, "f")
	require.ErrorIs(t, err, errFull)

	left, err := release(dir, "b_1")
	require.NoError(t, err)
	require.Equal(t, 4, left)
	p, err := lease(dir, c, "g")
	require.NoError(t, err)
	require.Equal(t, "10.0.0.3/29", p.String(), "the lowest free address")
	left, err = release(dir, "nobody")
	require.NoError(t, err)
	require.Equal(t, 5, left)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "stray"), nil, 0o600))
	taken, err := leases(dir)
	require.NoError(t, err)
	require.Len(t, taken, 5)
	_, err = release(filepath.Join(dir, "none"), "a")
	require.NoError(t, err, "nothing was ever leased")
}

// FuzzParseLease: what is accepted names an address and somebody.
func FuzzParseLease(f *testing.F) {
	for _, seed := range []string{"10.0.0.2_a", "10.0.0.2", "_", "fe80::1%eth0_x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if address, id, ok := parseLease(name); ok {
			require.True(t, address.IsValid())
			require.NotEmpty(t, id)
		}
	})
}
