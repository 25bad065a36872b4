package main

import (
	"net/netip"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

func TestFilterFlags(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want connsnoop.Filter
	}{
		{"none", nil, connsnoop.Filter{}},
		{"all", []string{"--pid", "1,2", "--uid", "0", "--comm", "curl", "--port", "80-81", "--port", "443",
			"--cidr", "10.0.0.0/8,::1", "--family", "ipv6", "--direction", "accept", "--result", "refused,reset", "--netns", "4026531840"},
			connsnoop.Filter{
				PIDs: []uint32{1, 2}, UIDs: []uint32{0}, Comms: []string{"curl"}, Ports: []uint16{80, 81, 443},
				Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
				Family:   10, Direction: connsnoop.Accept, NetNS: []uint64{4026531840},
				Results: []connsnoop.Result{connsnoop.ResultRefused, connsnoop.ResultReset},
			}},
		{"both families are any", []string{"--family", "ipv6,ipv4"}, connsnoop.Filter{}},
		{"both directions are any", []string{"--direction", "accept,connect"}, connsnoop.Filter{}},
		{"said twice", []string{"--family", "ipv4,ipv4"}, connsnoop.Filter{Family: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f filterFlags
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			f.add(flags)
			require.NoError(t, flags.Parse(tt.args))
			got, err := f.resolve()
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestCgroupIDs(t *testing.T) {
	h := plantCgroups(t, "a/b", "mini-container/demo")
	f := filterFlags{cgroups: []string{"/a", "/a/b"}, containers: []string{"demo"}}
	ids, err := f.cgroupIDs(h)
	require.NoError(t, err)
	require.ElementsMatch(t, inodes(t, h, "a", "a/b", "mini-container/demo"), ids)

	f.containers = []string{"web"}
	_, err = f.cgroupIDs(h)
	require.ErrorContains(t, err, `no cgroup belongs to "web"`)
}
