package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// alwaysDelegated is what every kernel delegates; newer ones list more in
// /sys/kernel/cgroup/delegate.
var alwaysDelegated = []string{"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}

// Delegate lets a user make cgroups below this one and distribute what it
// was given. The limits of the cgroup itself stay the parent's to set.
func (g *Group) Delegate(sys string, uid, gid int) error {
	files := alwaysDelegated
	if text, err := os.ReadFile(filepath.Join(sys, "kernel/cgroup/delegate")); err == nil {
		files = strings.Fields(string(text))
	}
	for _, file := range append([]string{"."}, files...) {
		err := os.Chown(filepath.Join(g.Dir(), file), uid, gid)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("delegate cgroup: %w", err)
		}
	}
	return nil
}
