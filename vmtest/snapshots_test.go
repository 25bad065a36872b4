package vmtest

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// fakeAssets have files of a byte where machines have kernels and disks.
func fakeAssets(t *testing.T) *assets {
	dir := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("1"), 0o600))
		return path
	}
	a := &assets{
		config:      Config{MemoryBytes: 1 << 30, CPUs: 2, System: "guest"},
		kernel:      kernels.Kernel{Release: "6.12.1", Version: "6.12.1-1", Image: file("vmlinuz")},
		image:       image.Image{Path: file("root"), Hash: "recipe", SHA256: "disk"},
		modulesDisk: file("modules"),
		initramfs:   func() (initrd, error) { return initrd{sha256: "init"}, nil },
		snapshots:   newSnapshots(dir),
	}
	a.snapshots.version = func() string { return "7.2" }
	return a
}

// TestSnapshotKey: whatever a guest could notice makes another key.
func TestSnapshotKey(t *testing.T) {
	touch := func(path string) {
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
	}
	tests := []struct {
		name   string
		change func(*assets)
		same   bool
	}{
		{"nothing", func(*assets) {}, true},
		{"payload", func(a *assets) { a.config.Payload, a.payloadDisk = "dir", "disk" }, true},
		{"mounts", func(a *assets) { a.config.Mounts = []Mount{{Target: "/x"}} }, true},
		{"kernel release", func(a *assets) { a.kernel.Release = "6.12.2" }, false},
		{"kernel version", func(a *assets) { a.kernel.Version = "6.12.1-2" }, false},
		{"kernel image", func(a *assets) { touch(a.kernel.Image) }, false},
		{"root disk's recipe", func(a *assets) { a.image.Hash = "other" }, false},
		{"root disk", func(a *assets) { a.image.SHA256 = "other" }, false},
		{"root disk's file", func(a *assets) { touch(a.image.Path) }, false},
		{"modules disk", func(a *assets) { touch(a.modulesDisk) }, false},
		{"initramfs", func(a *assets) {
			a.initramfs = func() (initrd, error) { return initrd{sha256: "other"}, nil }
		}, false},
		{"system", func(a *assets) { a.config.System = "systemd" }, false},
		{"memory", func(a *assets) { a.config.MemoryBytes *= 2 }, false},
		{"CPUs", func(a *assets) { a.config.CPUs = 1 }, false},
		{"kernel arguments", func(a *assets) { a.config.KernelArgs = []string{"quiet"} }, false},
		{"QEMU", func(a *assets) { a.snapshots.version = func() string { return "10.0" } }, false},
		{"accelerator", func(a *assets) { a.accelerator = qemu.KVM("test") }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := fakeAssets(t)
			before, err := a.snapshotKey(a.accelerator)
			require.NoError(t, err)
			require.Regexp(t, `^[0-9a-f]{64}$`, before)
			tt.change(a)
			after, err := a.snapshotKey(a.accelerator)
			require.NoError(t, err)
			require.Equal(t, tt.same, before == after)
		})
	}
}

func TestSnapshotKeyWithoutFiles(t *testing.T) {
	a := fakeAssets(t)
	require.NoError(t, os.Remove(a.modulesDisk))
	_, err := a.snapshotKey(a.accelerator)
	require.ErrorIs(t, err, fs.ErrNotExist)
	a = fakeAssets(t)
	broken := errors.New("no init")
	a.initramfs = func() (initrd, error) { return initrd{}, broken }
	_, err = a.snapshotKey(a.accelerator)
	require.ErrorIs(t, err, broken)
}

// TestBlameSnapshot: a guest that does not boot is not tried twice.
func TestBlameSnapshot(t *testing.T) {
	var trouble *snapshotError
	require.NotErrorAs(t, blameSnapshot(&bootError{err: errors.New("panic")}), &trouble)
	require.ErrorAs(t, blameSnapshot(&bootError{err: &snapshotError{errors.New("disk full")}}), &trouble)
	require.ErrorAs(t, blameSnapshot(fs.ErrPermission), &trouble)
}

func TestCPUIdentity(t *testing.T) {
	const info = "processor\t: 0\nmodel name\t: One\nMHz\t: 3\nflags\t\t: sse avx\n\nprocessor\t: 1\nmodel name\t: Two\n"
	require.Equal(t, []string{"model name\t: One", "flags\t\t: sse avx"}, cpuIdentity(strings.NewReader(info)))
}

func TestHasRoom(t *testing.T) {
	require.NoError(t, hasRoom(t.TempDir(), 1))
	require.ErrorIs(t, hasRoom(t.TempDir(), 1<<62), unix.ENOSPC)
	require.ErrorIs(t, hasRoom(filepath.Join(t.TempDir(), "nosuch"), 1), fs.ErrNotExist)
}

// TestClockLag: Ready tells how far the guest's clock is behind.
func TestClockLag(t *testing.T) {
	g := newFakeGuest(t)
	g.send(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol})
	g.send(wire.TypeReady, 0, wire.Ready{TimeUnixNS: time.Now().Add(-time.Hour).UnixNano()})
	wait(t, g.vm.session.ready)
	require.InDelta(t, time.Hour, g.vm.session.clockLag, float64(time.Minute))
	require.NoError(t, g.vm.setClock())
	var clock wire.Clock
	require.NoError(t, g.next(wire.TypeClock).JSON(&clock))
	require.Equal(t, g.vm.session.clockLag.Nanoseconds(), clock.AdvanceNS)

	older := readyGuest(t) // says nothing of its clock
	wait(t, older.vm.session.ready)
	require.Zero(t, older.vm.session.clockLag)
}

// TestResumedSession: the Hello of a restored machine was read long ago, and
// its next frame is the second.
func TestResumedSession(t *testing.T) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	s := resumeSession(ours, wire.Hello{Release: "6.12.1"})
	require.True(t, isClosed(s.hello))
	enc := wire.NewEncoder(&skipWriter{theirs, 1})
	require.NoError(t, enc.EncodeJSON(wire.TypeHello, 0, wire.Hello{}))
	require.NoError(t, enc.EncodeJSON(wire.TypeReady, 0, wire.Ready{}))
	wait(t, s.ready)
	require.Equal(t, "6.12.1", s.helloMsg.Release)
}
