package inspect

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/schemas"
)

// recordedPID is the container's first process in testdata/container.txtar.
const recordedPID = 177

// recorded unpacks what a kernel showed. Links and zero bytes are put back.
func recorded(t *testing.T) *Kernel {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/container.txtar")
	require.NoError(t, err)
	root := t.TempDir()
	for _, file := range archive.Files {
		path := filepath.Join(root, file.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		text := string(file.Data)
		switch {
		case strings.Contains(file.Name, "/ns/"):
			require.NoError(t, os.Symlink(strings.TrimSpace(text), path))
			continue
		case strings.HasSuffix(file.Name, "/cmdline"):
			text = strings.ReplaceAll(strings.TrimSpace(text), "|", "\x00")
		}
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	require.NoError(t, os.Symlink("1", filepath.Join(root, "proc/self")))
	require.NoError(t, os.Symlink("/", filepath.Join(root, "proc/177/root")))
	return &Kernel{Proc: filepath.Join(root, "proc"), Cgroup: filepath.Join(root, "cgroup"), Landlock: func() int { return 6 }}
}

func (k *Kernel) file(name string) string { return filepath.Join(k.Proc, "177", name) }

func TestInspect(t *testing.T) {
	r, err := recorded(t).Inspect(recordedPID)
	require.NoError(t, err)
	require.Equal(t, "sleep", r.Name)
	require.Equal(t, []string{"sleep", "1000"}, r.Command)
	require.Equal(t, []int{177, 1}, r.PIDs)
	require.Equal(t, 1, r.Threads)
	require.Equal(t, IDs{100000, 100000, 100000, 100000}, r.UIDs)
	require.Empty(t, r.Groups)
	require.Equal(t, []Mapping{{0, 100000, 65536}}, r.UIDMappings)
	require.Equal(t, &TimeOffsets{Boottime: 3600_000_000_000}, r.TimeOffsets)
	require.Equal(t, []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP",
	}, r.Capabilities["effective"])
	require.Empty(t, r.Capabilities["ambient"])
	require.True(t, r.NoNewPrivs)
	require.Equal(t, "filter", r.Seccomp.Mode)
	require.Equal(t, 1, *r.Seccomp.Filters)
	require.Equal(t, &LSM{Labelled: true, Label: "unconfined"}, r.LSM)
	for _, ns := range r.Namespaces {
		require.Equal(t, ns.Type == "pid" || ns.Type == "time", ns.Children != 0, ns.Type)
	}
	require.Equal(t, []Unknown{{"landlock.restricted", "the kernel does not tell which processes have Landlock rules"}}, r.Unknown)
	requireSchema(t, r)
}

func requireSchema(t *testing.T, r *Report) {
	t.Helper()
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(Schema, data))
}

func TestInspectNamespaces(t *testing.T) {
	k := recorded(t)
	for _, kind := range []string{"net", "uts"} { // as if it had been given the host's
		require.NoError(t, os.Remove(k.file("ns/"+kind)))
		link, err := os.Readlink(filepath.Join(k.Proc, "1/ns", kind))
		require.NoError(t, err)
		require.NoError(t, os.Symlink(link, k.file("ns/"+kind)))
	}
	for _, who := range []string{"177", "1"} { // a kernel without time namespaces
		require.NoError(t, os.Remove(filepath.Join(k.Proc, who, "ns/time")))
	}
	r, err := k.Inspect(recordedPID)
	require.NoError(t, err)
	shared := map[string]bool{}
	for _, ns := range r.Namespaces {
		shared[ns.Type] = *ns.SharedWithInit
		require.Equal(t, *ns.SharedWithInit, *ns.SharedWithCaller)
	}
	require.Equal(t, map[string]bool{"cgroup": false, "ipc": false, "mnt": false, "net": true, "pid": false, "user": false, "uts": true}, shared)
}

func TestInspectMounts(t *testing.T) {
	r, err := recorded(t).Inspect(recordedPID)
	require.NoError(t, err)
	byTarget := map[string]Mount{}
	for _, m := range r.Mounts {
		byTarget[m.Target] = m
	}
	require.Equal(t, "/mini-container/demo", byTarget["/sys/fs/cgroup"].Root)
	require.True(t, byTarget["/proc/sys"].ReadOnly)
	require.False(t, byTarget["/dev/shm"].ReadOnly)
	require.Equal(t, []string{"private"}, byTarget["/"].Propagation)
	require.Equal(t, "devtmpfs", byTarget["/dev/null"].Type)
}

func TestParseMounts(t *testing.T) {
	mounts, err := parseMounts("20 1 8:1 /r / rw,nodev shared:5 master:6 - ext4 /dev/sda1 ro\n" +
		"21 20 0:4 / /proc ro,nosuid - proc proc rw\n22 20 8:1 / /m\\040n rw,idmapped unbindable - ext4 /dev/sda1 rw\n")
	require.NoError(t, err)
	require.Equal(t, []Mount{
		{20, 1, "8:1", "/r", "/", "ext4", "/dev/sda1", []string{"rw", "nodev"}, []string{"ro"}, []string{"shared:5", "master:6"}, true, false},
		{21, 20, "0:4", "/", "/proc", "proc", "proc", []string{"ro", "nosuid"}, []string{"rw"}, []string{"private"}, true, false},
		{22, 20, "8:1", "/", "/m n", "ext4", "/dev/sda1", []string{"rw", "idmapped"}, []string{"rw"}, []string{"unbindable"}, false, true},
	}, mounts)
}

func TestInspectLimits(t *testing.T) {
	k := recorded(t)
	above := filepath.Join(k.Cgroup, "mini-container")
	require.NoError(t, os.WriteFile(filepath.Join(above, "memory.max"), []byte("1048576\n"), 0o644))
	r, err := k.Inspect(recordedPID)
	require.NoError(t, err)
	limits := map[string]Limit{}
	for _, l := range r.Cgroup.Limits {
		limits[l.File] = l
	}
	require.Equal(t, Limit{File: "memory.max", Own: "67108864", Effective: "1048576", SetBy: "/mini-container"}, limits["memory.max"])
	require.Equal(t, Limit{File: "pids.max", Own: "20", Effective: "20", SetBy: "/mini-container/demo"}, limits["pids.max"])
	require.Equal(t, "50000 100000", limits["cpu.max"].Effective)
	require.Equal(t, Limit{File: "cpuset.cpus", Effective: "0-1", SetBy: "/mini-container"}, limits["cpuset.cpus"])
}

// TestWay: what is mounted may be a part of the hierarchy, or more than the
// caller's cgroup namespace shows.
func TestWay(t *testing.T) {
	tests := []struct {
		root, path string
		want       []place
	}{
		{"", "/a/b", []place{{"/a/b", "/m/a/b"}, {"/a", "/m/a"}, {"/", "/m"}}},
		{"/", "/", []place{{"/", "/m"}}},
		{"/a", "/a/b", []place{{"/a/b", "/m/b"}, {"/a", "/m"}}},
		{"/a", "/a", []place{{"/a", "/m"}}},
		{"/a", "/ab", nil},
		{"/..", "/../x", []place{{"/../x", "/m/x"}, {"/..", "/m"}}},
		{"/..", "/", nil},
		{"/..", "/../../x", nil},
		{"", "/../x", nil},
	}
	for _, tt := range tests {
		t.Run(tt.root+" "+tt.path, func(t *testing.T) {
			got, visible := (&Kernel{Cgroup: "/m", CgroupRoot: tt.root}).way(tt.path)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.want != nil, visible)
		})
	}
}

// TestInspectUnknown: what cannot be read is named, and nothing is put in its
// place.
func TestInspectUnknown(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, k *Kernel)
		want   Unknown
	}{
		{"no time offsets", remove("timens_offsets"), Unknown{"time_offsets", "this kernel has no such file"}},
		{"no mounts", remove("mountinfo"), Unknown{"mounts", "this kernel has no such file"}},
		{"odd uid map", write("uid_map", "0 0\n"), Unknown{"uid_mappings", `parse id map line "0 0": want 3 numbers`}},
		{"odd limits", write("limits", "x\ny\n"), Unknown{"rlimits", `parse limits line "y"`}},
		{"namespace link", relink("ns/mnt", "nonsense"), Unknown{"namespaces.mnt", `parse namespace link "nonsense": want TYPE:[INODE]`}},
		{"first thread gone", remove("ns/mnt"), Unknown{"namespaces.mnt", "the first thread has ended"}},
		{"init's namespace", relink("../1/ns/mnt", "mnt:[]"), Unknown{"namespaces.mnt.shared_with_init", `parse namespace link "mnt:[]": want TYPE:[INODE]`}},
		{"cgroup removed", write("cgroup", "0::/x (deleted)\n"), Unknown{"cgroup.limits", "the cgroup has been removed"}},
		{"cgroup out of sight", write("cgroup", "0::/../x\n"), Unknown{"cgroup.limits", "the cgroup lies outside of the caller's cgroup namespace"}},
		{"cgroup gone", write("cgroup", "0::/gone\n"), Unknown{"cgroup.limits", "the cgroup is not below where cgroup v2 is mounted"}},
		{"v1 only", write("cgroup", "4:memory:/x\n"), Unknown{"cgroup.limits", "the process is in no cgroup v2 hierarchy"}},
		{"another namespace's mount", func(_ *testing.T, k *Kernel) { k.CgroupRoot = "/../.." }, Unknown{"cgroup.limits", "where cgroup v2 is mounted belongs to another cgroup namespace"}},
		{"part of it mounted", func(_ *testing.T, k *Kernel) { k.CgroupRoot = "/mini-container/de" }, Unknown{"cgroup.limits", "where cgroup v2 is mounted belongs to another cgroup namespace"}},
		{"not mounted", func(_ *testing.T, k *Kernel) { k.Cgroup = "" }, Unknown{"cgroup.limits", "cgroup v2 is not mounted"}},
		{"own cgroup namespace", relink("../1/ns/cgroup", "cgroup:[4026531999]"), Unknown{"cgroup.limits.effective", "limits above the caller's cgroup namespace are not seen"}},
		{"relation", func(_ *testing.T, k *Kernel) {
			k.Relate = func(int, string) (Relation, error) {
				return Relation{Problems: map[string]error{"owner_inode": unix.EPERM}}, nil
			}
			k.Proc = "/proc" // descriptors of namespaces are not to be recorded
		}, Unknown{"namespaces.ipc.owner_inode", "it lies outside of what the caller's own namespaces show"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := recorded(t)
			tt.change(t, k)
			pid := recordedPID
			if k.Proc == "/proc" {
				pid = os.Getpid()
			}
			r, err := k.Inspect(pid)
			require.NoError(t, err)
			require.Contains(t, r.Unknown, tt.want)
			requireSchema(t, r)
		})
	}
}

func remove(name string) func(*testing.T, *Kernel) {
	return func(t *testing.T, k *Kernel) { require.NoError(t, os.Remove(k.file(name))) }
}

func write(name, text string) func(*testing.T, *Kernel) {
	return func(t *testing.T, k *Kernel) { require.NoError(t, os.WriteFile(k.file(name), []byte(text), 0o644)) }
}

func relink(name, to string) func(*testing.T, *Kernel) {
	return func(t *testing.T, k *Kernel) {
		require.NoError(t, os.Remove(k.file(name)))
		require.NoError(t, os.Symlink(to, k.file(name)))
	}
}

// guard ends after a number of questions.
type guard struct{ lives int }

func (g *guard) Close() {}

func (g *guard) Alive() error {
	if g.lives--; g.lives < 0 {
		return ErrEnded
	}
	return nil
}

func TestInspectEnded(t *testing.T) {
	for lives, want := range map[int]error{0: ErrEnded, 1: ErrEnded, 2: nil} {
		k := recorded(t)
		k.Guard = func(int) (Guard, error) { return &guard{lives}, nil }
		_, err := k.Inspect(recordedPID)
		require.ErrorIs(t, err, want, lives)
	}
	k := recorded(t)
	remove("status")(t, k)
	k.Guard = func(int) (Guard, error) { return &guard{1}, nil }
	_, err := k.Inspect(recordedPID)
	require.EqualError(t, err, "inspect process 177: it has ended", "not that a file is missing")
	_, err = k.Inspect(5)
	require.ErrorIs(t, err, ErrNoProcess)
	k = recorded(t)
	k.Guard = func(int) (Guard, error) { return &guard{}, nil }
	status, err := os.ReadFile(k.file("status"))
	require.NoError(t, err)
	write("status", strings.Replace(string(status), "S (sleeping)", "Z (zombie)", 1))(t, k)
	_, err = k.Inspect(recordedPID)
	require.ErrorIs(t, err, ErrEnded)
	require.ErrorContains(t, err, "it is a zombie")
}

// TestGuard asks the running kernel.
func TestGuard(t *testing.T) {
	g, err := OpenGuard(os.Getpid())
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, g.Alive())
	_, err = OpenGuard(1 << 30)
	require.ErrorIs(t, err, ErrNoProcess)
	process, err := os.StartProcess("/proc/self/exe", []string{"x", "-test.run=^$"}, &os.ProcAttr{})
	require.NoError(t, err)
	g, err = OpenGuard(process.Pid)
	require.NoError(t, err)
	defer g.Close()
	_, err = process.Wait()
	require.NoError(t, err)
	require.ErrorIs(t, g.Alive(), ErrEnded)
}

// TestThreadIsNoProcess: a thread has a directory in /proc, but not all there
// is to say of a process.
func TestThreadIsNoProcess(t *testing.T) {
	tids, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, tid := range tids {
		var id int
		_, err := fscan(tid.Name(), &id)
		require.NoError(t, err)
		if id == os.Getpid() {
			continue
		}
		_, err = OpenGuard(id)
		require.ErrorIs(t, err, ErrThread)
		return
	}
}

// TestInspectSelf compares with the running kernel.
func TestInspectSelf(t *testing.T) {
	r, err := System("/proc", "", "", func() int { return 0 }).Inspect(os.Getpid())
	require.NoError(t, err)
	require.False(t, *r.Landlock.Restricted)
	for _, ns := range r.Namespaces {
		require.True(t, *ns.SharedWithCaller, ns.Type)
		link, err := os.Readlink("/proc/self/ns/" + ns.Type)
		require.NoError(t, err)
		inode, err := ParseNamespace(link)
		require.NoError(t, err)
		require.Equal(t, inode, ns.Inode)
	}
	label, err := os.ReadFile("/proc/self/attr/current")
	require.Equal(t, err == nil && len(label) > 0, r.LSM.Labelled, "EINVAL is how the kernel says that nothing labels processes")
	requireSchema(t, r)
}

func TestReason(t *testing.T) {
	require.Contains(t, reason(unix.EACCES), "right to trace")
	require.Equal(t, "no such process", reason(unix.ESRCH))
	require.Equal(t, "odd", reason(errors.New("odd")))
}
