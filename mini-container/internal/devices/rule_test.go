package devices_test

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/devices"
)

func ptr(n int64) *int64 { return &n }

func TestFromOCI(t *testing.T) {
	rules, err := devices.FromOCI([]specs.LinuxDeviceCgroup{
		{Allow: false, Access: "rwm"},
		{Allow: true, Type: "c", Major: ptr(10), Minor: ptr(-1), Access: "wr"},
		{Allow: true, Type: "b", Major: ptr(7), Access: "m"},
	})
	require.NoError(t, err)
	require.Equal(t, []devices.Rule{
		{Allow: false, Type: devices.Both, Major: devices.Any, Minor: devices.Any, Access: devices.All},
		{Allow: true, Type: devices.Char, Major: 10, Minor: devices.Any, Access: devices.Read | devices.Write},
		{Allow: true, Type: devices.Block, Major: 7, Minor: devices.Any, Access: devices.Make},
	}, rules[:3])
	require.Equal(t, devices.Defaults(), rules[3:], "a container that is denied everything has no /dev/null")
}

func TestFromOCIRefuses(t *testing.T) {
	tests := []struct {
		name string
		rule specs.LinuxDeviceCgroup
		want string
	}{
		{"type", specs.LinuxDeviceCgroup{Type: "p", Access: "r"}, `type "p" is none of a, b, c`},
		{"no access", specs.LinuxDeviceCgroup{Type: "c"}, "access is empty"},
		{"access", specs.LinuxDeviceCgroup{Type: "c", Access: "rx"}, `holds 'x'`},
		{"a major that no device has", specs.LinuxDeviceCgroup{Access: "r", Major: ptr(4096)}, "major number 4096 is not in 0..4095"},
		{"a minor that no device has", specs.LinuxDeviceCgroup{Access: "r", Minor: ptr(1 << 20)}, "minor number 1048576 is not"},
		{"a negative number", specs.LinuxDeviceCgroup{Access: "r", Minor: ptr(-2)}, "minor number -2 is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := devices.FromOCI([]specs.LinuxDeviceCgroup{tt.rule})
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "device rule 1")
		})
	}
	_, err := devices.FromOCI(make([]specs.LinuxDeviceCgroup, 1001))
	require.ErrorContains(t, err, "1001 device rules are more than 1000")
}

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want specs.LinuxDeviceCgroup
	}{
		{"allow c 10:232 rw", specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: ptr(10), Minor: ptr(232), Access: "rw"}},
		{"c 10:* r", specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: ptr(10), Access: "r"}},
		{" deny  a *:* rwm", specs.LinuxDeviceCgroup{Type: "a", Access: "rwm"}},
	}
	for _, tt := range tests {
		got, err := devices.Parse(tt.text)
		require.NoError(t, err)
		require.Equal(t, tt.want, got)
	}
	for _, text := range []string{"", "allow", "c 10 r", "c 10:1", "c a:1 r", "c 1:-1 r", "c 1:2 x", "x 1:2 r", "c 1:2 r w", "c 5000:1 r"} {
		_, err := devices.Parse(text)
		require.ErrorContains(t, err, "device rule", text)
	}
}
