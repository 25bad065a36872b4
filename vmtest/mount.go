package vmtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// Mount shows a directory or a file of the host to the guest: a copy of it,
// which the guest may write to and the host never sees again.
type Mount struct {
	// Source is a directory or a regular file of the host; "" only makes the
	// directory Target, unless it is there, for everybody to write to.
	Source string
	// Target is absolute in the guest; "" is Source's own absolute path.
	Target string

	// withoutVCS leaves out the directories of version control.
	withoutVCS bool
}

// mountsDir holds the mounts on the payload disk.
const mountsDir = ".vmtest-mounts"

// forbiddenTargets are the guest's own: see the guest contract.
var forbiddenTargets = []string{"/proc", "/sys", "/dev", "/payload", "/run/vmtest", "/lib/modules", "/usr/lib/modules"}

// checkMounts completes a list of mounts and puts parents before what lies in
// them.
func checkMounts(mounts []Mount) ([]Mount, error) {
	checked := make([]Mount, 0, len(mounts))
	for _, m := range mounts {
		m, err := m.checked()
		if err != nil {
			return nil, err
		}
		checked = append(checked, m)
	}
	slices.SortFunc(checked, func(a, b Mount) int { return strings.Compare(a.Target, b.Target) })
	for i := range checked[min(1, len(checked)):] {
		if checked[i].Target == checked[i+1].Target {
			return nil, fmt.Errorf("mount %s: named twice", checked[i].Target)
		}
	}
	return checked, nil
}

func (m Mount) checked() (Mount, error) {
	if m.Target == "" {
		abs, err := filepath.Abs(m.Source)
		if m.Source == "" || err != nil {
			return m, errors.Join(errors.New("mount: neither a source nor a target"), err)
		}
		m.Target = abs
	}
	if !filepath.IsAbs(m.Target) {
		return m, fmt.Errorf("mount %s: target %s is not absolute", m.Source, m.Target)
	}
	if m.Target = filepath.Clean(m.Target); m.Target == "/" {
		return m, fmt.Errorf("mount %s: cannot replace the guest's root", m.Source)
	}
	for _, dir := range forbiddenTargets {
		if liesIn(m.Target, dir) {
			return m, fmt.Errorf("mount %s: %s belongs to the guest", m.Target, dir)
		}
	}
	if m.Source == "" {
		return m, nil
	}
	info, err := os.Stat(m.Source)
	if err != nil {
		return m, fmt.Errorf("mount: %w", err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return m, fmt.Errorf("mount %s: neither a directory nor a regular file", m.Source)
	}
	return m, nil
}

// liesIn tells whether path is dir or below it; both are clean and absolute.
func liesIn(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// binds is what guest init does with the mounts on the payload disk.
func binds(mounts []Mount) []wire.Bind {
	var list []wire.Bind
	for i, m := range mounts {
		bind := wire.Bind{Target: m.Target}
		if m.Source != "" {
			bind.Source = mountName(i)
		}
		list = append(list, bind)
	}
	return list
}

// mountName is where the i-th mount lies on the payload disk.
func mountName(i int) string { return fmt.Sprintf("%s/%d", mountsDir, i) }
