package state

import (
	"errors"
	"fmt"
	"path/filepath"

	"namespaces-cgroups-ebpf/mini-container/internal/plainname"
)

// CheckID says what is wrong with the name of a container.
func CheckID(id string) error {
	if !plainname.Is(id, 64) {
		return fmt.Errorf("container id %q: want 1 to 64 letters, digits, '_', '.' and '-', the first a letter or a digit", id)
	}
	return nil
}

// RootFor is where the containers of a user are remembered: /run for root,
// the user's runtime directory for everyone else. Both vanish with a reboot,
// as containers do.
func RootFor(uid int, runtimeDir string) (string, error) {
	switch {
	case uid == 0:
		return "/run/mini-container", nil
	case runtimeDir == "":
		return "", errors.New("find state directory: XDG_RUNTIME_DIR is not set")
	case !filepath.IsAbs(runtimeDir):
		return "", fmt.Errorf("find state directory: XDG_RUNTIME_DIR %q is not an absolute path", runtimeDir)
	}
	return filepath.Join(runtimeDir, "mini-container"), nil
}

// ErrNotFound is that there is no container of a name.
var ErrNotFound = errors.New("no such container")

// ErrExists is that there is one already.
var ErrExists = errors.New("a container of this name exists")
