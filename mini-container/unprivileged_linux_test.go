package minicontainer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/mini-container/internal/mountflags"
	"namespaces-cgroups-ebpf/schemas"
)

func TestOutcome(t *testing.T) {
	tests := []struct {
		name    string
		status  syscall.WaitStatus // as wait(2) encodes it
		outcome string
		code    int
		signal  string
	}{
		{"exit 0", 0, OutcomeExited, 0, ""},
		{"exit 7", 7 << 8, OutcomeExited, 7, ""},
		{"SIGTERM", 15, OutcomeSignaled, 143, "SIGTERM"},
		{"SIGSEGV with core", 11 | 0x80, OutcomeSignaled, 139, "SIGSEGV"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			outcome, code, signal := outcome(tt.status)
			require.Equal(t, tt.outcome, outcome)
			require.Equal(t, tt.code, code)
			require.Equal(t, tt.signal, signal)
		})
	}
}

func TestParseMountOptions(t *testing.T) {
	o := parseMountOptions([]string{"nosuid", "ro", "mode=0755", "newinstance"})
	require.Equal(t, uintptr(unix.MS_NOSUID|unix.MS_RDONLY), o.flags)
	require.Equal(t, "mode=0755,newinstance", o.data())
	o = parseMountOptions([]string{"rbind", "rro", "ridmap", "dev", "rslave", "rw"})
	require.Equal(t, mountOptions{
		recursive: true, readonlyAll: true, idmap: true, devices: true, propagation: unix.MS_SLAVE | unix.MS_REC,
	}, o)
}

func TestCheckMountOptions(t *testing.T) {
	bind := func(options ...string) specs.Mount {
		return specs.Mount{Destination: "/data", Source: "/srv", Type: "bind", Options: options}
	}
	one := []specs.LinuxIDMapping{{Size: 1}}
	tests := []struct {
		name  string
		mount specs.Mount
		want  string
	}{
		{"good bind", bind("rbind", "ro", "rslave"), ""},
		{"relative source", specs.Mount{Destination: "/data", Source: "srv", Type: "bind"}, "not an absolute path"},
		{"shared", bind("rshared"), `option "rshared" is not known`},
		{"idmap of nothing", bind("idmap"), "needs mappings"},
		{"half an idmap", specs.Mount{Destination: "/data", Source: "/srv", Type: "bind", UIDMappings: one}, "needs both"},
		{"disk", specs.Mount{Destination: "/data", Source: "/dev/sda", Type: "ext4"}, `"ext4" is not supported`},
		{"slave tmpfs", specs.Mount{Destination: "/data", Type: "tmpfs", Options: []string{"rslave"}}, "but it is none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := NewSpec(options(nil))
			spec.Mounts = append(spec.Mounts, tt.mount)
			err := checkMountOptions(spec, Extra{})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
	require.ErrorContains(t, checkMountOptions(NewSpec(options(nil)), Extra{IDMapRoot: true}), "needs a user namespace")
}

func TestKeptFlags(t *testing.T) {
	require.Equal(t, uintptr(unix.MS_NOSUID|unix.MS_RELATIME), mountflags.Kept(unix.ST_NOSUID|unix.ST_RELATIME))
	require.Zero(t, mountflags.Kept(unix.ST_MANDLOCK))
}

func openDir(t *testing.T, dir string) int {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestEnsureDir(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	root := openDir(t, dir)
	fd, err := ensureDir(root, "/dev/pts")
	require.NoError(t, err)
	unix.Close(fd)
	require.DirExists(t, filepath.Join(dir, "dev/pts"))

	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "absolute")))
	require.NoError(t, os.Symlink("dev", filepath.Join(dir, "relative")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for _, name := range []string{"/absolute", "/absolute/new", "/relative", "/relative/pts", "/dangling", "/file"} {
		_, err := ensureDir(root, name)
		require.Equal(t, exitcode.Usage, exitcode.Of(err), "%s: %v", name, err)
	}
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestCheckDevice(t *testing.T) {
	devices := defaultDevices()
	fd, err := unix.Open("/dev/null", unix.O_PATH|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, checkDevice(fd, devices[0]))
	require.ErrorContains(t, checkDevice(fd, devices[1]), "/dev/zero: not character device 1:5")
	require.Error(t, checkDevice(openDir(t, "/"), devices[0]))
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	script, plain := filepath.Join(dir, "script"), filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(script, nil, 0o755))
	require.NoError(t, os.WriteFile(plain, nil, 0o644))
	tests := []struct {
		name, command, path, found string
		code                       int
	}{
		{"in PATH", "script", "/nowhere:" + dir, script, 0},
		{"by path", script, "", script, 0},
		{"not there", "nothing", dir, "", codeNotFound},
		{"no PATH", "nothing", "", "", codeNotFound},
		{"path not there", "/nowhere/a", "", "", codeNotFound},
		{"below a file", script + "/a", "", "", codeNotFound},
		{"no execute bit", "plain", dir, "", codeNotExecutable},
		{"a directory", dir, "", "", codeNotExecutable},
		{"a magic link (CVE-2019-5736)", "/proc/self/exe", "", "", codeNotExecutable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := lookPath(tt.command, tt.path, checkExecutable)
			require.Equal(t, tt.code, exitcode.Of(err), err)
			if tt.code == 0 {
				require.Equal(t, tt.found, found)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	require.Equal(t, exitcode.Unsupported, failed("mounts", unix.ENODEV).Error.Code)
	require.Equal(t, exitcode.Harness, failed("mounts", unix.EIO).Error.Code)
	require.Equal(t, codeNotFound, failed("exec", execError("/a", unix.ENOENT)).Error.Code)
}

func TestStepsAreExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, step := range Steps() {
		require.False(t, seen[step.Name], "%s twice", step.Name)
		seen[step.Name] = true
		require.Regexp(t, `^[a-z][a-z0-9-]*$`, step.Name)
		require.Regexp(t, `^[A-Za-z0-9_]+\([2-9](const)?\)$`, step.Man)
		require.NotEmpty(t, step.Purpose)
		require.NotEmpty(t, step.Without)
		require.Contains(t, []string{BySupervisor, ByChild}, step.By)
	}
	require.Len(t, seen, len(supervisorSteps)+len(childSteps)+len(lastSteps))
}

func TestObserve(t *testing.T) {
	proc := t.TempDir()
	for _, pid := range []string{"7", "self"} {
		require.NoError(t, os.MkdirAll(filepath.Join(proc, pid, "ns"), 0o755))
		require.NoError(t, os.Symlink("user:[1]", filepath.Join(proc, pid, "ns/user")))
		require.NoError(t, os.Symlink("mnt:["+map[string]string{"7": "2", "self": "3"}[pid]+"]", filepath.Join(proc, pid, "ns/mnt")))
	}
	files := map[string]string{
		"status": "Name:\tprobe\nState:\tS (sleeping)\nThreads:\t1\nNSpid:\t7\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\n" +
			"CapInh:\t0000000000000000\nCapPrm:\t0000000000000001\nCapEff:\t0000000000000001\nCapBnd:\t0000000000000003\nCapAmb:\t0000000000000000\n" +
			"NoNewPrivs:\t1\nSeccomp:\t2\n",
		"uid_map": "0 1000 1\n", "gid_map": "0 1000 1\n",
		"mountinfo": "20 1 8:1 /home/a/rootfs / rw,nodev - overlay overlay rw,lowerdir=/home/a\n21 20 0:4 / /proc ro,nosuid shared:5 master:6 - proc proc rw\n",
	}
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(proc, "7", name), []byte(text), 0o600))
	}
	seen, err := observe(proc, 7)
	require.NoError(t, err)
	require.Equal(t, []Namespace{{"mnt", 2, false}, {"user", 1, true}}, seen.Namespaces)
	require.Equal(t, []Mount{
		{"/", "overlay", []string{"rw", "nodev"}, "private"},
		{"/proc", "proc", []string{"ro", "nosuid"}, "shared:5 master:6"},
	}, seen.Mounts)
	require.Empty(t, seen.Capabilities["ambient"])
	require.Equal(t, []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE"}, seen.Capabilities["bounding"])
	require.True(t, seen.NoNewPrivs)
	require.Equal(t, "filter", seen.Seccomp)
	require.NoError(t, os.Remove(filepath.Join(proc, "7/status")))
	_, err = observe(proc, 7)
	require.ErrorContains(t, err, "read status")
}

func TestExplain(t *testing.T) {
	e := Explain()
	data, err := json.Marshal(e)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(ExplainSchema, data))
	require.Len(t, e.Steps, len(Steps()))
	var text strings.Builder
	require.NoError(t, e.WriteText(&text))
	require.Contains(t, text.String(), "without: ")
}
