package multitenantcgroups

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Remove kills everything in the cgroups of the policy's root and removes
// them, with what an interrupted verify left behind and tenants that an older
// version of the policy made. Cgroups that we did not make stay, and so does
// the root if it holds one; that is an error. It returns the cgroups that are
// gone. Nothing to remove is no error.
func Remove(tree Tree, p Policy) ([]string, error) {
	there, err := tree.Exists(p.Root)
	if err != nil || !there {
		return nil, err
	}
	if err := requireOurs(tree, p.Root); err != nil {
		return nil, fmt.Errorf("remove policy: %w", err)
	}
	children, err := tree.Children(p.Root)
	if err != nil {
		return nil, fmt.Errorf("remove policy: %w", err)
	}
	var gone []string
	for _, name := range children {
		cgroup := path.Join(p.Root, name)
		removed, e := removeOurs(tree, cgroup, name)
		err = errors.Join(err, e)
		if removed {
			gone = append(gone, cgroup)
		}
	}
	if err != nil {
		return gone, fmt.Errorf("remove policy: %w", err)
	}
	if err := tree.Delete(p.Root); err != nil {
		return gone, fmt.Errorf("remove policy: %w", err)
	}
	return append(gone, p.Root), nil
}

// removeOurs removes one child of the root. The reserved names are ours even
// without a mark: verify may have been killed between creating and marking.
func removeOurs(tree Tree, cgroup, name string) (bool, error) {
	if !strings.HasPrefix(name, reservedPrefix) {
		if err := requireOurs(tree, cgroup); err != nil {
			return false, err
		}
	}
	err := tree.Destroy(cgroup)
	return err == nil, err
}
