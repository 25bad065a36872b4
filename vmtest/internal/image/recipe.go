package image

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// recipeVersion is counted up when the way of building changes in a manner that
// the other fields of a recipe do not show.
const recipeVersion = 1

// finishScript turns the tree that mmdebstrap made into a guest's; its argument
// is the tree. It is part of the recipe's hash.
//
//go:embed finish.sh
var finishScript string

// Recipe says what a root disk holds. Two equal recipes give the same hash on
// every machine: mirrors are not part of it.
type Recipe struct {
	Name      string   `json:"name"`         // as vm-plan/v1 names it in needs.image
	Suite     string   `json:"suite"`        // Debian release, e.g. "trixie"
	Packages  []string `json:"packages"`     // besides those Debian marks as required
	SizeBytes int64    `json:"size_bytes"`   // of the disk; the file is sparse
	Go        *Go      `json:"go,omitempty"` // nil is none
}

// basePackages are in every image. The message bus is for systemd as process 1:
// systemd-run --wait and runtimes that ask systemd for control groups need it.
var basePackages = []string{
	"bpftool", "bpftrace", "busybox", "dbus", "e2fsprogs", "iproute2", "kmod",
	"libbpf-tools", "mount", "procps", "stress-ng", "systemd", "util-linux",
}

// peersPackages are the programs that the deliverables are measured against.
var peersPackages = []string{
	"bubblewrap", "crun", "linux-perf", "nftables", "openssl", "podman", "runc", "strace", "uidmap",
}

// buildPackages turn C into programs and BPF objects; the Go toolchain is not
// Debian's (see [Go]).
var buildPackages = []string{"clang", "gcc", "libbpf-dev", "libc6-dev", "llvm", "make"}

// virtmePackages are virtme-ng and what it uses: a static shell for its
// initramfs, a daemon that shares the file system, and in the guest udev, ip and
// poweroff.
var virtmePackages = []string{
	"busybox-static", "iproute2", "kmod", "qemu-system-x86", "systemd-sysv", "udev", "virtiofsd", "virtme-ng",
}

// Base is the recipe of the image "base", which most tests run on.
func Base() Recipe { return recipe("base", 2<<30, basePackages) }

// Peers is the recipe of the image "peers": base and other people's runtimes
// and tools.
func Peers() Recipe { return recipe("peers", 3<<30, basePackages, peersPackages) }

// Builder is the recipe of the image "build": base, compilers, and the Go
// toolchain with the modules that g describes.
func Builder(g *Go) Recipe {
	r := recipe("build", 5<<30, basePackages, buildPackages)
	r.Go = g
	return r
}

// VirtmeNG is the recipe of a Debian that boots VMs itself, for the benchmark to
// compare with. No plan may ask for it: [Names] does not list it.
func VirtmeNG() Recipe { return recipe("virtme-ng", 1<<30, virtmePackages) }

func recipe(name string, size int64, packages ...[]string) Recipe {
	return Recipe{Name: name, Suite: "trixie", Packages: slices.Concat(packages...), SizeBytes: size}
}

// Names lists the images there are.
func Names() []string { return []string{"base", "peers", "build"} }

// Named returns the recipe of the image called name. The image "build" is for
// the Go module that holds moduleDir. The error lists the names there are.
func Named(ctx context.Context, name, moduleDir string) (Recipe, error) {
	switch name {
	case "base":
		return Base(), nil
	case "peers":
		return Peers(), nil
	case "build":
		g, err := FindGo(ctx, moduleDir)
		if err != nil {
			return Recipe{}, fmt.Errorf("find image build: %w", err)
		}
		return Builder(g), nil
	}
	return Recipe{}, fmt.Errorf("find image %q: there are %s", name, strings.Join(Names(), ", "))
}

// needBytes is the free space that building wants: the tree, the packages and
// the disk's used blocks, with some to spare (1.5 GB measured for base).
func (r Recipe) needBytes() int64 { return max(2<<30, r.SizeBytes) }

// Hash names the recipe in the cache: 64 hex digits over everything that shapes
// the disk, including the architecture. Package versions are not in it; those
// that were installed are in the image's record.
func (r Recipe) Hash() string {
	data, err := json.Marshal(struct {
		Recipe
		Version int
		Arch    string
		Finish  string
		Dpkg    []string
		Warm    string `json:",omitempty"`
	}{r, recipeVersion, runtime.GOARCH, finishScript, dpkgOptions, r.goScript()})
	if err != nil {
		panic("image: marshal recipe: " + err.Error()) // strings and numbers only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
