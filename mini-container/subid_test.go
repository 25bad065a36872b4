package minicontainer

import (
	"testing"
	"testing/fstest"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

func TestSubIDs(t *testing.T) {
	etc := fstest.MapFS{
		"subuid": {Data: []byte("other:1:2\nstudent:100000:65536\nstudent:1:1\n0:500000:1000\n")},
		"subgid": {Data: []byte("1000:200000:10\nroot:600000:1000")},
	}
	uids, gids, err := SubIDs(etc, "student", 1000, 100)
	require.NoError(t, err)
	require.Equal(t, []specs.LinuxIDMapping{{HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}, uids)
	require.Equal(t, []specs.LinuxIDMapping{{HostID: 100, Size: 1}, {ContainerID: 1, HostID: 200000, Size: 10}}, gids)
	uids, gids, err = SubIDs(etc, "root", 0, 0)
	require.NoError(t, err)
	require.Equal(t, []specs.LinuxIDMapping{{HostID: 500000, Size: 1000}}, uids)
	require.Equal(t, []specs.LinuxIDMapping{{HostID: 600000, Size: 1000}}, gids)

	_, _, err = SubIDs(etc, "nobody", 65534, 65534)
	require.ErrorContains(t, err, "no range for user nobody")
	_, _, err = SubIDs(fstest.MapFS{}, "student", 1000, 100)
	require.ErrorContains(t, err, "granted to student")
}

func FuzzParseSubIDs(f *testing.F) {
	f.Add("student:100000:65536\n")
	f.Add("student:4294967295:1")
	f.Add("student:4294967295:2")
	f.Add("student::")
	f.Fuzz(func(t *testing.T, text string) {
		start, count, err := parseSubIDs(text, "student", 1000)
		if err == nil && (count == 0 || uint64(start)+uint64(count) > 1<<32) {
			t.Fatalf("%q: range %d+%d", text, start, count)
		}
	})
}
