package network

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// TestNoIP6: a kernel without it is asked before anything is made.
func TestNoIP6(t *testing.T) {
	m := &Manager{Dir: t.TempDir(), Proc: t.TempDir(), Lock: func() (func(), error) { panic("too late") }}
	c := config(DefaultSubnet)
	c.Subnet6 = netip.MustParsePrefix(DefaultSubnet6)
	_, err := m.Attach(c, "a", os.Getpid())
	require.ErrorContains(t, err, "this kernel has no IPv6")
	require.Equal(t, exitcode.Unsupported, exitcode.Of(err))
	require.NoError(t, m.ignoreRouters("mc0"), "nothing to hear them with")
}

func TestCheckUplinks(t *testing.T) {
	const (
		none   = "00000000000000000000000000000000"
		local  = "20010db8000000000000000000000000 40 " + none + " 00 " + none + " 00000100 00000001 00000000 00000001 eth0\n"
		manual = none + " 00 " + none + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n"
		router = none + " 00 " + none + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003 eth0\n"
		prefix = "20010db8000000000000000000000000 40 " + none + " 00 " + none + " 00000100 00000001 00000000 00440001 eth0\n"
	)
	for name, tt := range map[string]struct {
		routes, accept string
		want           bool
	}{
		"no route":          {local, "1\n", true},
		"by hand":           {local + manual, "1\n", true},
		"a prefix alone":    {prefix, "1\n", true},
		"learnt":            {manual + router, "1\n", false},
		"learnt and wanted": {router, "2\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Manager{Proc: t.TempDir()}
			setting := m.interfaces6("eth0", "accept_ra")
			require.NoError(t, os.MkdirAll(filepath.Dir(setting), 0o755))
			require.NoError(t, os.Mkdir(filepath.Join(m.Proc, "net"), 0o755))
			require.NoError(t, os.WriteFile(setting, []byte(tt.accept), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(m.Proc, "net/ipv6_route"), []byte(tt.routes), 0o600))
			err := m.checkUplinks()
			if tt.want {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "set net.ipv6.conf.eth0.accept_ra to 2")
			require.Equal(t, exitcode.Unsupported, exitcode.Of(err))
		})
	}
}
