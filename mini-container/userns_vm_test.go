//go:build vmtest && linux

package minicontainer_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUserNamespace runs as root and as a user without any privilege: inside
// it must make no difference.
func TestUserNamespace(t *testing.T) {
	for _, uid := range []uint32{0, 1000} {
		t.Run(fmt.Sprintf("uid %d", uid), func(t *testing.T) { testUserNamespace(t, uid) })
	}
}

func testUserNamespace(t *testing.T, uid uint32) {
	b := newBench(t, uid)
	hostname := b.word()
	file := fmt.Sprintf("user-ns-%d.json", uid)
	c := b.start(t, "story:"+b.secret, "--user-ns", "--hostname", hostname, "--report", b.base+"/"+file)
	s := c.story(t)
	v := look(t, c.find(t, b))

	requireNamespaces(t, v, s, "cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
	want := []string{"0", strconv.Itoa(int(uid)), "1"}
	require.Equal(t, want, strings.Fields(v.uidMap))
	require.Equal(t, want, strings.Fields(v.gidMap))
	require.Equal(t, 0, s.UID)
	require.Equal(t, 0, s.GID)
	id := strconv.Itoa(int(uid))
	require.Equal(t, []string{id, id, id, id}, statusField(v.pid, "Uid"))
	require.Equal(t, hostname, s.Hostname)
	require.Equal(t, hostname, v.hostname)
	requirePrivileges(t, v, s)
	requireFileSystem(t, v, s)
	requireAttempts(t, s, map[bool]string{true: "EROFS", false: "EACCES"}[uid == 0])
	requireNetwork(t, s)

	require.Equal(t, 0, c.end(t))
	report := readReport(t, b.base+"/"+file)
	require.True(t, report.UserNS)
	requireReport(t, v, report)
	keep(t, b.base+"/"+file)
}
