package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// fakeTree is a directory that looks enough like a hierarchy. What only a
// kernel can do is tested in virtual machines.
func fakeTree(t *testing.T, controllers, subtree string) Hierarchy {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte(controllers), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(subtree), 0o644))
	return Hierarchy{Mount: dir, Own: "/"}
}

func TestResolve(t *testing.T) {
	h := Hierarchy{Mount: "/m", Own: "/user.slice/me"}
	require.Equal(t, "/mini-container", h.Parent(true))
	require.Equal(t, "/user.slice/me/mini-container", h.Parent(false))
	tests := []struct{ name, path, want, fault string }{
		{"ours", "", "/p/id", ""},
		{"absolute", "/a/b", "/a/b", ""},
		{"relative", "a", "/p/a", ""},
		{"systemd", "system.slice:mc:x", "", "systemd"},
		{"upwards", "../../a", "", "upwards"},
		{"upwards and absolute", "/a/../../b", "", "upwards"},
		{"the root", "/", "", "the root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := h.Resolve(tt.path, "/p", "id")
			if tt.fault != "" {
				require.ErrorContains(t, err, tt.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// TestParent: a cgroup is written to that is writable and holds no process.
func TestParent(t *testing.T) {
	const full, empty, foreign = "12\n", "", "foreign"
	tests := []struct {
		name      string
		a, b, own string // cgroup.procs of /a, /a/b and /a/b/own
		want      string
	}{
		{"the one above", foreign, empty, full, "/a/b/mini-container"},
		{"the nearest", empty, empty, full, "/a/b/mini-container"},
		{"past a full one", empty, full, full, "/a/mini-container"},
		{"our own", foreign, foreign, empty, "/a/b/own/mini-container"},
		{"none", foreign, foreign, full, "/a/b/own/mini-container"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := Hierarchy{Mount: t.TempDir(), Own: "/a/b/own"}
			for path, procs := range map[string]string{"a": tt.a, "a/b": tt.b, "a/b/own": tt.own} {
				dir := filepath.Join(h.Mount, path)
				require.NoError(t, os.MkdirAll(dir, 0o755))
				if procs == foreign {
					continue // a file that is not there cannot be written, by root neither
				}
				for _, file := range []string{"cgroup.procs", "cgroup.subtree_control"} {
					require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(procs), 0o644))
				}
			}
			require.Equal(t, tt.want, h.Parent(false))
			require.Equal(t, "/mini-container", h.Parent(true))
		})
	}
}

func TestOwnCgroup(t *testing.T) {
	tests := []struct {
		name, text, want string
		found            bool
	}{
		{"v2 alone", "0::/user.slice\n", "/user.slice", true},
		{"hybrid", "4:memory:/a\n0::/\n", "/", true},
		{"v1 alone", "4:memory:/a\n", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, found := ownCgroup(tt.text)
			require.Equal(t, tt.found, found)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestMissingControllerIsNamed(t *testing.T) {
	h := fakeTree(t, "cpu pids", "")
	_, err := Create(h, "/mini-container/one", &specs.LinuxResources{Unified: map[string]string{"memory.max": "1"}})
	require.ErrorContains(t, err, "enable cgroup controller memory: cgroup / has [cpu pids] in cgroup.controllers and not memory: the kernel lacks it")
	require.Equal(t, exitcode.Unsupported, exitcode.Of(err))
}

func TestCreateRefuses(t *testing.T) {
	h := fakeTree(t, "", "")
	require.NoError(t, os.MkdirAll(filepath.Join(h.Mount, "mini-container/taken"), 0o755))
	_, err := Create(h, "/mini-container/taken", nil)
	require.ErrorIs(t, err, unix.EEXIST)
	require.Equal(t, exitcode.Usage, exitcode.Of(err))
	require.DirExists(t, filepath.Join(h.Mount, "mini-container/taken"), "it is not ours to remove")
	limit := int64(0)
	_, err = Create(h, "/mini-container/two", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}})
	require.Equal(t, exitcode.Usage, exitcode.Of(err))
	_, err = Open(h, "/nothing")
	require.ErrorIs(t, err, unix.ENOENT)
}

func TestExplain(t *testing.T) {
	h := fakeTree(t, "cpu", "")
	require.NoError(t, os.WriteFile(filepath.Join(h.Mount, "cgroup.procs"), []byte("12\n34\n"), 0o644))
	tests := []struct {
		name string
		err  error
		want string
		code int
	}{
		{"busy", explainEnable(h.Mount, h.Mount, "memory", unix.EBUSY), "cgroup / holds processes [12 34]", 4},
		{"not delegated", explainEnable(h.Mount, h.Mount, "memory", unix.EACCES), "not delegated", 4},
		{"realtime", explainEnable(h.Mount, h.Mount, "cpu", unix.EINVAL), "realtime", 4},
		{"threaded", explainEnable(h.Mount, h.Mount, "memory", unix.EOPNOTSUPP), "threaded", 4},
		{"missing below", explainMissing(h.Mount, h.Mount+"/a/b", "io", []string{"cpu"}), "cgroup /a/b has [cpu] in cgroup.controllers and not io: the cgroup above", 4},
		{"no cgroup for you", explainMake("/a", unix.EACCES), "delegated to this user", 4},
		{"too many", explainMake("/a", unix.EAGAIN), "max.descendants", 4},
		{"no file", explainWrite(&Group{path: "/a"}, Write{"memory", "memory.peak", "1"}, unix.ENOENT), "this kernel has no memory.peak", 4},
		{"no device", explainWrite(&Group{path: "/a"}, Write{"io", "io.max", "1:1 rbps=1"}, unix.ENODEV), "no such device", 2},
		{"bad quota", explainWrite(&Group{path: "/a"}, Write{"cpu", "cpu.max", "1 1"}, unix.EINVAL), "quota below 1 ms", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.ErrorContains(t, tt.err, tt.want)
			require.Equal(t, tt.code, exitcode.Of(tt.err))
		})
	}
	require.NoError(t, explainWrite(nil, Write{}, nil))
}

func TestRemoveRefusesTheRoot(t *testing.T) {
	for _, path := range []string{"", "/", "//"} {
		require.Error(t, Remove(Hierarchy{Mount: t.TempDir()}, path))
	}
}
