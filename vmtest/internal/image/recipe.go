package image

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
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
	Name      string   `json:"name"`       // as vm-plan/v1 names it in needs.image
	Suite     string   `json:"suite"`      // Debian release, e.g. "trixie"
	Packages  []string `json:"packages"`   // besides those Debian marks as required
	SizeBytes int64    `json:"size_bytes"` // of the disk; the file is sparse
}

// Base is the recipe of the image "base", which all deliverables run on.
func Base() Recipe {
	return Recipe{
		Name:  "base",
		Suite: "trixie",
		Packages: []string{
			"bpftool", "bpftrace", "busybox", "e2fsprogs", "iproute2", "kmod",
			"libbpf-tools", "mount", "procps", "stress-ng", "systemd", "util-linux",
		},
		SizeBytes: 2 << 30,
	}
}

// Named returns the recipe of the image called name. The error lists the names
// there are.
func Named(name string) (Recipe, error) {
	if r := Base(); r.Name == name {
		return r, nil
	}
	return Recipe{}, fmt.Errorf("find image %q: there is only %q", name, Base().Name)
}

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
	}{r, recipeVersion, runtime.GOARCH, finishScript, dpkgOptions})
	if err != nil {
		panic("image: marshal recipe: " + err.Error()) // strings and numbers only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
