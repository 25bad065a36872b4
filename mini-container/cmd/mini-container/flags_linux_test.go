package main

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

func TestTimeFlags(t *testing.T) {
	got, err := timeFlags([]string{"both=1h", "boottime=-1500ms"})
	require.NoError(t, err)
	require.Equal(t, map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 3600}, "boottime": {Secs: -2, Nanosecs: 500_000_000}}, got)
	for _, bad := range []string{"", "boottime", "boottime=", "boottime=soon"} {
		_, err := timeFlags([]string{bad})
		require.ErrorContains(t, err, "CLOCK=DURATION", bad)
	}
}

func TestMapFlags(t *testing.T) {
	got, err := mapFlags([]string{"0:1000:1", "1:100000:65536"})
	require.NoError(t, err)
	require.Equal(t, []specs.LinuxIDMapping{{HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}, got)
	for _, bad := range []string{"", "0", "0:1", "0:1:2:3", "a:1:1", "0:-1:1", "0:1:4294967296"} {
		_, err := mapFlags([]string{bad})
		require.Error(t, err, bad)
	}
}

func TestBindFlags(t *testing.T) {
	got, err := bindFlags([]string{"/srv:/data:ro,nosuid", "/a:/b"})
	require.NoError(t, err)
	require.Equal(t, []specs.Mount{
		{Source: "/srv", Destination: "/data", Type: "bind", Options: []string{"rbind", "ro", "nosuid"}},
		{Source: "/a", Destination: "/b", Type: "bind", Options: []string{"rbind"}},
	}, got)
	for _, bad := range []string{"", "/a", ":/b", "/a:"} {
		_, err := bindFlags([]string{bad})
		require.Error(t, err, bad)
	}
}

func FuzzFlags(f *testing.F) {
	f.Add("/srv:/data:ro")
	f.Add("0:1000:1")
	f.Add("both=-1ns")
	f.Fuzz(func(t *testing.T, text string) {
		if maps, err := mapFlags([]string{text}); err == nil {
			require.Len(t, maps, 1)
		}
		if mounts, err := bindFlags([]string{text}); err == nil {
			require.NotEmpty(t, mounts[0].Destination)
		}
		offsets, err := timeFlags([]string{text})
		for _, offset := range offsets {
			require.Less(t, offset.Nanosecs, uint32(1_000_000_000), err)
		}
	})
}
