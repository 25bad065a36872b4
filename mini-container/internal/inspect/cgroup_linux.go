package inspect

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func (k *Kernel) readCgroup(r *Report, dir *process) error {
	text, err := dir.read("cgroup")
	if err != nil {
		r.unknown("cgroup", reason(err))
		return nil
	}
	if r.Cgroup, err = parseCgroups(text); err != nil {
		return err
	}
	k.readLimits(r)
	return nil
}

// readLimits walks from the process's cgroup up to the root that we see.
func (k *Kernel) readLimits(r *Report) {
	path, why := r.Cgroup.Path, ""
	way, visible := k.way(path)
	switch {
	case path == "":
		why = "the process is in no cgroup v2 hierarchy"
	case k.Cgroup == "":
		why = "cgroup v2 is not mounted"
	case strings.HasSuffix(path, " (deleted)"):
		why = "the cgroup has been removed"
	case !visible && strings.HasPrefix(path, "/.."):
		why = "the cgroup lies outside of the caller's cgroup namespace"
	case !visible:
		why = "where cgroup v2 is mounted belongs to another cgroup namespace"
	}
	if why != "" {
		r.unknown("cgroup.limits", why)
		if k.Devices != nil {
			r.unknown(devicePrograms, why)
		}
		return
	}
	k.readDevices(r, way)
	limits, err := readChain(way)
	if err == nil {
		r.Cgroup.Limits, err = effectiveLimits(limits)
	}
	if err != nil {
		r.unknown("cgroup.limits", reason(err))
		return
	}
	k.noteHidden(r)
}

// place is a cgroup: what it is called and where it is.
type place struct{ path, dir string }

// way is the process's cgroup and all above it that can be seen. What is
// mounted need not be the root of the caller's cgroup namespace: it may be
// below that, and above, where names are "..".
func (k *Kernel) way(path string) (way []place, visible bool) {
	root := strings.TrimSuffix(k.CgroupRoot, "/")
	below, found := strings.CutPrefix(path, root)
	if !found || below != "" && below[0] != '/' || strings.HasPrefix(below, "/..") {
		return nil, false
	}
	for below = filepath.Join("/", below); ; below = filepath.Dir(below) {
		if below == "/" {
			return append(way, place{cmp.Or(root, "/"), k.Cgroup}), true
		}
		way = append(way, place{root + below, filepath.Join(k.Cgroup, below)})
	}
}

// noteHidden says so if there may be cgroups above the root that we see.
func (k *Kernel) noteHidden(r *Report) {
	link, err := os.Readlink(filepath.Join(k.Proc, "self/ns/cgroup"))
	if err != nil {
		r.unknown("cgroup.limits.effective", "limits above the caller's cgroup namespace are not seen, if it has one")
		return
	}
	if inode, err := ParseNamespace(link); err != nil || inode != initialCgroup {
		r.unknown("cgroup.limits.effective", "limits above the caller's cgroup namespace are not seen")
	}
}

func readChain(way []place) ([]level, error) {
	var chain []level
	for _, p := range way {
		l, err := readLevel(p)
		if err != nil {
			return nil, err
		}
		chain = append(chain, l)
	}
	return chain, nil
}

// readLevel: a file that is not there belongs to a controller that is not
// enabled, but the cgroup itself must be there.
func readLevel(p place) (level, error) {
	l := level{path: p.path, files: map[string]string{}}
	if _, err := os.Stat(p.dir); errors.Is(err, fs.ErrNotExist) {
		return l, errors.New("the cgroup is not below where cgroup v2 is mounted")
	} else if err != nil {
		return l, err
	}
	for _, name := range neededFiles() {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return l, err
		}
		l.files[name] = strings.TrimSuffix(string(text), "\n")
	}
	return l, nil
}
