package inspect

import (
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
	switch {
	case path == "":
		why = "the process is in no cgroup v2 hierarchy"
	case k.Cgroup == "":
		why = "cgroup v2 is not mounted"
	case path == "/.." || strings.HasPrefix(path, "/../"):
		why = "the cgroup lies outside of the caller's cgroup namespace"
	case strings.HasSuffix(path, " (deleted)"):
		why = "the cgroup has been removed"
	}
	if why != "" {
		r.unknown("cgroup.limits", why)
		return
	}
	limits, err := readChain(k.Cgroup, path)
	if err == nil {
		r.Cgroup.Limits, err = effectiveLimits(limits)
	}
	if err != nil {
		r.unknown("cgroup.limits", reason(err))
		return
	}
	k.noteHidden(r)
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

func readChain(mount, path string) ([]level, error) {
	var chain []level
	for {
		l, err := readLevel(mount, path)
		if err != nil {
			return nil, err
		}
		chain = append(chain, l)
		if path == "/" {
			return chain, nil
		}
		path = filepath.Dir(path)
	}
}

// readLevel: a file that is not there belongs to a controller that is not
// enabled, but the cgroup itself must be there.
func readLevel(mount, path string) (level, error) {
	l := level{path: path, files: map[string]string{}}
	dir := filepath.Join(mount, path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return l, errors.New("the cgroup is not below where cgroup v2 is mounted")
	} else if err != nil {
		return l, err
	}
	for _, name := range neededFiles() {
		text, err := os.ReadFile(filepath.Join(dir, name))
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
