package vmtest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/vmtest/internal/cache"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
	"namespaces-cgroups-ebpf/vmtest/internal/snapshot"
)

// The files of a snapshot.
const (
	stateFile     = "state"         // CPUs and devices
	ramFile       = "ram"           // sparse
	rootFile      = "root.qcow2"    // what the boot wrote to the root disk
	scratchFile   = "scratch.qcow2" // and to the scratch disk
	initramfsFile = "initramfs"     // part of the machine, though never booted again
)

// snapshotLimits: a snapshot has some 300 MB, and each kernel has one for each
// image and init; rebuilding init makes new ones.
var snapshotLimits = snapshot.Limits{Bytes: 10 << 30, Age: 14 * 24 * time.Hour}

// snapshotRoom is what a snapshot takes besides RAM, generously.
const snapshotRoom = 512 << 20

// snapshots are those of one cache. What did not work is not tried again by
// this process: each try costs a boot.
type snapshots struct {
	version func() string // of QEMU
	store   snapshot.Store
	given   sync.Map // key -> *snapshotError
	collect func()   // once per process is enough
}

func newSnapshots(cacheDir string) *snapshots {
	store := snapshot.Store{Dir: filepath.Join(cacheDir, "snapshots")}
	return &snapshots{version: sync.OnceValue(qemu.Version), store: store, collect: sync.OnceFunc(func() { _, _ = store.Collect(snapshotLimits) })}
}

// Removed is something that was taken out of a cache.
type Removed = cache.Removed

// CollectSnapshots removes snapshots from the cache that were not used for two
// weeks or take too much room, and what killed runs left there; a dry run only
// says which would go. None that is in use goes. An empty cacheDir is the
// default one.
func CollectSnapshots(cacheDir string, dryRun bool) ([]Removed, error) {
	if cacheDir == "" {
		cacheDir = defaultCacheDir()
	}
	limits := snapshotLimits
	limits.DryRun = dryRun
	return newSnapshots(cacheDir).store.Collect(limits)
}

// snapshotKey names the snapshot of this machine: everything that a restored
// guest could notice, were it different.
func (a *assets) snapshotKey(accelerator qemu.Accelerator) (string, error) {
	archive, err := a.initramfs()
	if err != nil {
		return "", err
	}
	key := struct {
		Release, Version, System, ImageHash, ImageSHA256, Initramfs string
		Files                                                       []fileIdentity
		Host, Argv                                                  []string
	}{
		Release: a.kernel.Release, Version: a.kernel.Version, System: a.config.System,
		ImageHash: a.image.Hash, ImageSHA256: a.image.SHA256, Initramfs: archive.sha256,
		Host: a.snapshots.hostIdentity(accelerator),
		Argv: a.machine(accelerator, parts{}).Argv(),
	}
	for _, path := range []string{a.kernel.Image, a.image.Path, a.modulesDisk} {
		if path == "" {
			continue
		}
		id, err := identify(path)
		if err != nil {
			return "", err
		}
		key.Files = append(key.Files, id)
	}
	data, err := json.Marshal(key)
	if err != nil {
		return "", fmt.Errorf("name snapshot: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// fileIdentity changes when a file is replaced or written to. Reading disks of
// a gigabyte for each VM would take longer than booting it.
type fileIdentity struct {
	Path       string
	Size, Time int64
}

func identify(path string) (fileIdentity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileIdentity{}, fmt.Errorf("name snapshot: %w", err)
	}
	return fileIdentity{Path: path, Size: info.Size(), Time: info.ModTime().UnixNano()}, nil
}

// hostIdentity is the part of this machine that shows in the guest: the QEMU
// that is installed, and under KVM the CPU and the kernel. The cache may be on
// a disk that several machines mount.
func (s *snapshots) hostIdentity(accelerator qemu.Accelerator) []string {
	id := []string{s.version()}
	if accelerator.Name != "kvm" {
		return id
	}
	var host unix.Utsname
	_ = unix.Uname(&host)
	id = append(id, unix.ByteSliceToString(host.Release[:]))
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return id
	}
	defer f.Close()
	return append(id, cpuIdentity(f)...)
}

// cpuIdentity returns model and flags of the first CPU in a /proc/cpuinfo.
func cpuIdentity(r io.Reader) (id []string) {
	for lines := bufio.NewScanner(r); lines.Scan() && len(lines.Bytes()) > 0; {
		for _, field := range []string{"model name", "stepping", "microcode", "flags"} {
			if bytes.HasPrefix(lines.Bytes(), []byte(field)) {
				id = append(id, lines.Text())
			}
		}
	}
	return id
}

// hasRoom is an error if the disk of dir might run full while RAM is written to
// it: QEMU would be killed by SIGBUS, which says nothing to anybody.
func hasRoom(dir string, need int64) error {
	free, err := cache.FreeBytes(dir)
	if err != nil {
		return err
	}
	if free < need {
		return fmt.Errorf("%d MiB are free on the disk of the cache, want %d: %w", free>>20, need>>20, unix.ENOSPC)
	}
	return nil
}
