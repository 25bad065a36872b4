package guest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// payloadMachine has a payload disk that holds a directory and a file.
func payloadMachine(t *testing.T) (*machine, *recorder) {
	return fakeMachine(t, map[string]string{
		"sys/block/vdc/serial": "payload", "payload/.mounts/0/go.mod": "", "payload/.mounts/1": "", "etc/there": "",
	})
}

func TestBinds(t *testing.T) {
	m, k := payloadMachine(t)
	_, err := m.Resume(wire.Resume{Seed: make([]byte, 32), Binds: []wire.Bind{
		{Source: ".mounts/0", Target: "/home/me/module"},
		{Source: ".mounts/1", Target: "/tmp/go-build/x.test"},
		{Source: ".mounts/1", Target: "/etc/there"},
	}})
	require.NoError(t, err)
	r := m.root
	require.Equal(t, []string{"clock 0", "entropy 32", "flush /dev/vdc",
		"mount /dev/vdc " + r + "/payload ext4 0x0 ", // writable, while its pieces are
		"mount " + r + "/payload/.mounts/0 " + r + "/home/me/module  0x1000 ",
		"mount " + r + "/payload/.mounts/1 " + r + "/tmp/go-build/x.test  0x1000 ",
		"mount " + r + "/payload/.mounts/1 " + r + "/etc/there  0x1000 ",
		"mount  " + r + "/payload  0x1021 ",
	}, k.calls)
	require.DirExists(t, r+"/home/me/module")
	require.FileExists(t, r+"/tmp/go-build/x.test")
}

func TestBindFaults(t *testing.T) {
	tests := []struct {
		name, source, target, refuse, want string
	}{
		{name: "leaves the payload", source: "../etc", target: "/x", want: "not a name and an absolute path"},
		{name: "relative target", source: ".mounts/0", target: "x", want: "not a name and an absolute path"},
		{name: "no such piece", source: ".mounts/7", target: "/x", want: "bind /x: stat"},
		{name: "target below a file", source: ".mounts/0", target: "/etc/there/x", want: "not a directory"},
		{name: "refused", source: ".mounts/0", target: "/x", refuse: "/x  0x1000 ", want: "bind /x: operation not permitted"},
		{name: "not read-only", source: ".mounts/0", target: "/x", refuse: "/payload  0x1021 ", want: "make payload read-only"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, k := payloadMachine(t)
			if tt.refuse != "" {
				k.refuse["mount "+m.root+"/payload/.mounts/0 "+m.root+tt.refuse] = unix.EPERM
				k.refuse["mount  "+m.root+tt.refuse] = unix.EPERM
			}
			_, err := m.mountPayload([]wire.Bind{{Source: tt.source, Target: tt.target}})
			require.ErrorContains(t, err, tt.want)
		})
	}
	m, _ := fakeMachine(t, nil)
	_, err := m.mountPayload([]wire.Bind{{Source: "a", Target: "/a"}})
	require.ErrorContains(t, err, "bind /a: stat", "there is no payload disk")
}

func TestBindMakesDirectories(t *testing.T) {
	m, k := fakeMachine(t, map[string]string{"home/there/file": ""})
	mounted, err := m.mountPayload([]wire.Bind{{Target: "/home/new/out"}, {Target: "/home/there"}})
	require.NoError(t, err)
	require.False(t, mounted)
	require.Empty(t, k.calls)
	for path, want := range map[string]os.FileMode{"/home/new": 0o755, "/home/new/out": 0o777, "/home/there": 0o755} {
		info, err := os.Stat(m.root + path)
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), path)
	}
	_, err = m.mountPayload([]wire.Bind{{Target: "/home/there/file/x"}})
	require.ErrorContains(t, err, "make /home/there/file/x: ")
}
