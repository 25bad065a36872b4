package vmtest

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func TestCheckMounts(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.MkdirAll("module/sub", 0o755))
	require.NoError(t, os.WriteFile("file", nil, 0o644))
	require.NoError(t, syscall.Mkfifo("fifo", 0o644))
	tests := []struct {
		name   string
		mounts []Mount
		want   []string // targets
		err    string
	}{
		{name: "none"},
		{name: "its own path", mounts: []Mount{{Source: "module"}}, want: []string{dir + "/module"}},
		{name: "parents first", mounts: []Mount{{"module/sub", "/a/b", false}, {"file", "/a/b/c/d", false}, {"module", "/a/", false}},
			want: []string{"/a", "/a/b", "/a/b/c/d"}},
		{name: "empty directory", mounts: []Mount{{Target: "/out"}}, want: []string{"/out"}},
		{name: "beside what is forbidden", mounts: []Mount{{"file", "/process", false}}, want: []string{"/process"}},
		{name: "nothing", mounts: []Mount{{}}, err: "neither a source nor a target"},
		{name: "relative", mounts: []Mount{{"file", "x", false}}, err: "target x is not absolute"},
		{name: "root", mounts: []Mount{{"module", "/x/..", false}}, err: "cannot replace the guest's root"},
		{name: "guest's own", mounts: []Mount{{"module", "/dev", false}}, err: "/dev belongs to the guest"},
		{name: "below the guest's own", mounts: []Mount{{"module", "/x/../proc/self", false}}, err: "mount /proc/self: /proc belongs"},
		{name: "twice", mounts: []Mount{{"module", "/m", false}, {"file", "/a", false}, {"file", "/m/", false}}, err: "mount /m: named twice"},
		{name: "not there", mounts: []Mount{{Source: "nothing"}}, err: "no such file"},
		{name: "pipe", mounts: []Mount{{Source: "fifo"}}, err: "neither a directory nor a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checked, err := checkMounts(tt.mounts)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			var targets []string
			for _, m := range checked {
				targets = append(targets, m.Target)
			}
			require.Equal(t, tt.want, targets)
		})
	}
}

func TestBinds(t *testing.T) {
	require.Nil(t, binds(nil))
	require.Equal(t, []wire.Bind{{Source: ".vmtest-mounts/0", Target: "/a"}, {Target: "/b"}, {Source: ".vmtest-mounts/2", Target: "/c"}},
		binds([]Mount{{Source: "x", Target: "/a"}, {Target: "/b"}, {Source: "y", Target: "/c"}}))
}

// TestStagePayload: what the disk is made from, and what is not on it.
func TestStagePayload(t *testing.T) {
	src := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		path := filepath.Join(src, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		require.NoError(t, os.Chmod(path, mode))
	}
	write("module/go.mod", "module x", 0o640)
	write("module/.git/config", "secret", 0o600)
	write("module/a/.git/config", "secret", 0o600)
	write("module/vmtest-work-1/stage/x", "itself", 0o600)
	write("module/bin/tool", "#!", 0o755|os.ModeSetuid)
	write("module/sealed/\xff file", "x", 0o444)
	require.NoError(t, os.Chmod(src+"/module/sealed", 0o555))
	t.Cleanup(func() { _ = os.Chmod(src+"/module/sealed", 0o755) })
	require.NoError(t, os.Symlink("../nowhere", src+"/module/dangling"))
	require.NoError(t, os.Symlink("module", src+"/link"))
	require.NoError(t, syscall.Mkfifo(src+"/module/fifo", 0o600))
	listener, err := net.Listen("unix", src+"/module/socket")
	require.NoError(t, err)
	defer listener.Close()
	write("payload/own", "payload", 0o644)

	var notes []string
	stage := filepath.Join(t.TempDir(), "stage")
	err = stagePayload(t.Context(), stage, src+"/payload", []Mount{
		{Source: src + "/link", Target: "/m", withoutVCS: true}, {Source: src + "/module/go.mod", Target: "/n"},
		{Target: "/o"}, {Source: src + "/module/.git", Target: "/p", withoutVCS: true},
	}, 1<<20, func(s string) { notes = append(notes, s) })
	require.NoError(t, err)
	for path, want := range map[string]os.FileMode{
		"own": 0o644, ".vmtest-mounts/0": os.ModeDir | 0o755, ".vmtest-mounts/0/go.mod": 0o640,
		".vmtest-mounts/0/bin/tool": 0o755 | os.ModeSetuid, ".vmtest-mounts/0/sealed": os.ModeDir | 0o755,
		".vmtest-mounts/0/sealed/\xff file": 0o444, ".vmtest-mounts/0/a": os.ModeDir | 0o755,
		".vmtest-mounts/1": 0o640, ".vmtest-mounts/3/config": 0o600,
	} {
		info, err := os.Lstat(filepath.Join(stage, path))
		require.NoError(t, err)
		require.Equal(t, want.String(), info.Mode().String(), path)
	}
	target, err := os.Readlink(stage + "/.vmtest-mounts/0/dangling")
	require.NoError(t, err)
	require.Equal(t, "../nowhere", target)
	for _, path := range []string{".git", "a/.git", "fifo", "socket", "vmtest-work-1"} {
		require.NoFileExists(t, filepath.Join(stage, mountName(0), path))
		require.NoDirExists(t, filepath.Join(stage, mountName(0), path))
	}
	require.Len(t, notes, 2)
	require.Contains(t, notes[0], "/link/fifo: a named pipe cannot be copied")
	require.Contains(t, notes[1], "/link/socket: a socket cannot be copied")
}

func TestStageFaults(t *testing.T) {
	src := t.TempDir()
	require.NoError(t, os.WriteFile(src+"/big", nil, 0o644))
	require.NoError(t, os.Truncate(src+"/big", 8<<20))
	stage := filepath.Join(t.TempDir(), "stage")
	err := stagePayload(t.Context(), stage, "", []Mount{{Source: src, Target: "/m"}}, 4<<20, nil)
	require.EqualError(t, err, src+" does not fit: 9 MiB in all, the guest's disk holds 4 MiB")
	require.NoDirExists(t, stage, "nothing was copied")

	if os.Geteuid() == 0 {
		return // reads everything
	}
	require.NoError(t, os.Truncate(src+"/big", 0))
	require.NoError(t, os.Chmod(src+"/big", 0))
	err = stagePayload(t.Context(), stage, "", []Mount{{Source: src, Target: "/m"}}, 4<<20, nil)
	require.ErrorContains(t, err, "open "+src+"/big: permission denied")
}
