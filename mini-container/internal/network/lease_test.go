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
