package sysctl

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPath(t *testing.T) {
	all := func(string) bool { return true }
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":             "net/ipv4/ip_forward",
		"net/ipv4/conf/eth0.5/forwarding": "net/ipv4/conf/eth0.5/forwarding",
		"kernel.shmmax":                   "kernel/shmmax",
		"fs.mqueue.msg_max":               "fs/mqueue/msg_max",
	} {
		got, err := Path(name, all)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, name := range []string{
		"", "net", "kernel.core_pattern", "vm.swappiness", "net..x", "net/../kernel/core_pattern", "/net/ipv4", "net.ipv4/x/..", "net.\x00", "kernel.hostname",
	} {
		_, err := Path(name, all)
		require.Error(t, err, "%q", name)
	}
	_, err := Path("net.ipv4.ip_forward", func(n string) bool { return n != "network" })
	require.ErrorContains(t, err, "needs an own network namespace")
}
