package health

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// played is a machine to which nothing is wrong until a test changes it.
type played struct {
	Machine
	Settings
	missing  string // program
	silent   string // mirror
	space    Space
	readOnly string
	noSpaces error // why namespaces cannot be had
}

func healthy() *played {
	p := &played{space: Space{FreeBytes: 100 * gib}}
	p.Settings = Settings{
		CacheDir: "/cache", TempDir: "/tmp", Mirrors: []string{"http://user:secret@a.example/debian", "http://b.example/debian"},
		Cached: Cached{Series: []string{"6.12"}, Images: []string{"base"}, Snapshots: 3, GoVersion: "go1.26.0"},
	}
	p.Machine = Machine{
		Arch: "amd64", CPUs: 4, Memory: func() int64 { return 16 * gib },
		LookPath: func(name string) error {
			if name == p.missing {
				return errors.New("not installed")
			}
			return nil
		},
		Run: func(_ context.Context, argv ...string) (string, error) {
			if argv[len(argv)-1] == "true" {
				if p.noSpaces != nil {
					return "unshare: Operation not permitted\n", p.noSpaces
				}
				return "", nil
			}
			if p.silent != "" && strings.Contains(strings.Join(argv, " "), p.silent) {
				return "", errors.New("exit status 100")
			}
			return "", nil
		},
		QEMU:        func() string { return "10.0.2" },
		Accelerator: func(context.Context) (qemu.Accelerator, error) { return qemu.KVM("boots"), nil },
		Space:       func(string) (Space, error) { return p.space, nil },
		Writable: func(dir string) error {
			if dir == p.readOnly {
				return &os.PathError{Op: "open", Path: "/home/somebody", Err: os.ErrPermission}
			}
			return nil
		},
		Exists: func(string) bool { return true },
	}
	return p
}

func (p *played) check(t *testing.T, id string) doctor.Check {
	r := Examine(t.Context(), p.Machine, p.Settings)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(doctor.Schema, data))
	require.NotContains(t, string(data), "secret")
	require.NotContains(t, string(data), "somebody")
	for _, c := range r.Checks {
		if c.ID == id {
			return c
		}
	}
	require.Fail(t, "no check "+id)
	return doctor.Check{}
}

func TestHealthyMachine(t *testing.T) {
	p := healthy()
	r := Examine(t.Context(), p.Machine, p.Settings)
	require.True(t, r.OK)
	for _, c := range r.Checks {
		require.Equal(t, doctor.OK, c.Status, c.ID)
		require.Empty(t, c.Remedy, c.ID)
	}
	require.Equal(t, "a.example", p.check(t, "mirrors").Value)
	require.Equal(t, "16384 MiB available, 4 CPUs: 4 VMs at once", p.check(t, "memory").Value)
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name, id string
		spoil    func(p *played)
		status   doctor.Status
		want     string // in detail or value
	}{
		{"other architecture", "qemu", func(p *played) { p.Arch = "arm64" }, doctor.Fail, "x86-64 only"},
		{"no QEMU", "qemu", func(p *played) { p.missing = qemu.Binary }, doctor.Fail, "not installed"},
		{"broken QEMU", "qemu", func(p *played) { p.QEMU = func() string { return "unknown" } }, doctor.Fail, "does not run"},
		{"no KVM", "accelerator", func(p *played) {
			p.Accelerator = func(context.Context) (qemu.Accelerator, error) { return qemu.TCG("no /dev/kvm"), nil }
		}, doctor.Warn, "no /dev/kvm"},
		{"no accelerator", "accelerator", func(p *played) {
			p.Accelerator = func(context.Context) (qemu.Accelerator, error) { return qemu.Accelerator{}, errors.New("no QEMU") }
		}, doctor.Unknown, "no QEMU"},
		{"little memory", "memory", func(p *played) { p.Memory = func() int64 { return 2 * gib } }, doctor.Warn, "1 VM at once"},
		{"no memory", "memory", func(p *played) { p.Memory = func() int64 { return gib } }, doctor.Fail, "a VM takes 1280 MiB"},
		{"little room", "cache", func(p *played) { p.space.FreeBytes = 3 * gib }, doctor.Warn, "may take 12288 MiB"},
		{"no room", "cache", func(p *played) { p.space.FreeBytes = gib }, doctor.Fail, "2048 MiB are needed"},
		{"read-only cache", "cache", func(p *played) { p.readOnly = "/cache" }, doctor.Fail, "permission denied"},
		{"read-only TMPDIR", "temporary-directory", func(p *played) { p.readOnly = "/tmp" }, doctor.Fail, "permission denied"},
		{"TMPDIR in memory", "temporary-directory", func(p *played) { p.space.Memory = true }, doctor.Warn, "in memory"},
		{"no mmdebstrap", "tools", func(p *played) { p.missing = "mmdebstrap" }, doctor.Fail, "not found: mmdebstrap"},
		{"no namespaces", "namespaces", func(p *played) { p.noSpaces = errors.New("exit status 1") }, doctor.Fail, "Operation not permitted"},
		{"no keys", "keyring", func(p *played) { p.Exists = func(string) bool { return false } }, doctor.Fail, "can be checked without"},
		{"one mirror down", "mirrors", func(p *played) { p.silent = "a.example" }, doctor.Warn, "no answer from a.example"},
		{"all mirrors down", "mirrors", func(p *played) { p.silent = "example" }, doctor.Warn, "from a.example b.example"},
		{"no mirror", "mirrors", func(p *played) { p.MirrorsErr = errors.New("none is configured") }, doctor.Warn, "none is configured"},
		{"kernel missing", "kernels", func(p *played) { p.Cached.Missing = []string{"5.10"} }, doctor.Warn, "to be fetched: 5.10"},
		{"image missing", "images", func(p *played) { p.Cached.Absent = []string{"peers"} }, doctor.Warn, "to be built: peers"},
		{"no Go", "go", func(p *played) { p.Cached.GoErr = errors.New("not installed") }, doctor.Warn, "not installed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := healthy()
			tt.spoil(p)
			c := p.check(t, tt.id)
			require.Equal(t, tt.status, c.Status)
			require.Regexp(t, tt.want, c.Value+" "+c.Detail)
			require.NotEmpty(t, c.Remedy, "what to do about it")
		})
	}
}

// TestThisMachine only asks what must be so on any machine.
func TestThisMachine(t *testing.T) {
	m := ThisMachine()
	require.Positive(t, m.Memory())
	dir := t.TempDir()
	s, err := m.Space(dir + "/not/there/yet")
	require.NoError(t, err)
	require.Positive(t, s.FreeBytes)
	require.NoError(t, m.Writable(dir+"/not/there/yet"))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing stays")
	require.Error(t, m.Writable("/proc"))
}
