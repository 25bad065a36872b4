package inspect

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// The ways in which there is nothing to report.
var (
	ErrNoProcess = errors.New("no such process")
	ErrThread    = errors.New("it is a thread, not a process")
	ErrEnded     = errors.New("it has ended")
)

// Kernel is where an inspection looks. The zero value looks nowhere; System
// is the running kernel.
type Kernel struct {
	Proc       string                                              // a procfs
	Cgroup     string                                              // where cgroup v2 is mounted; "" if it is not
	CgroupRoot string                                              // the cgroup mounted there, as the caller's cgroup namespace has it; "" is its root
	Guard      func(pid int) (Guard, error)                        // nil: nobody can end meanwhile
	Relate     func(ns int, kind string) (Relation, error)         // ns is a descriptor of a namespace; nil: not asked
	Landlock   func() int                                          // version; nil is none
	Devices    func(dir string, effective bool) ([]Program, error) // see Devices; nil: not asked
}

// Guard holds on to a process, so that another one with its PID is not
// mistaken for it.
type Guard interface {
	Alive() error // ErrEnded if it is not
	Close()
}

// Relation is what a namespace tells about itself, see ioctl_nsfs(2).
type Relation struct {
	Owner, Parent uint64
	OwnerUID      *uint32
	Problems      map[string]error // field -> why it is not known
}

// Inspect reads all there is to know about a process.
func (k *Kernel) Inspect(pid int) (*Report, error) {
	r, err := k.inspect(pid)
	if err != nil {
		return nil, fmt.Errorf("inspect process %d: %w", pid, err)
	}
	return r, nil
}

func (k *Kernel) inspect(pid int) (*Report, error) {
	alive := func() error { return nil }
	if k.Guard != nil {
		guard, err := k.Guard(pid)
		if err != nil {
			return nil, err
		}
		defer guard.Close()
		alive = guard.Alive
	}
	dir, err := openProcess(k.Proc, pid)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	// If it still lives, the directory is its own and not that of a successor.
	if err := alive(); err != nil {
		return nil, dir.ended(err)
	}
	r := &Report{Schema: Schema, PID: pid, Unknown: []Unknown{}}
	err = k.read(r, dir)
	if ended := alive(); ended != nil {
		return nil, ended // whatever else went wrong came of that
	}
	return r, err
}

func (k *Kernel) read(r *Report, dir *process) error {
	text, err := dir.read("status")
	if err != nil {
		return err
	}
	if err := r.parseStatus(text); err != nil {
		return err
	}
	k.readNamespaces(r, dir)
	r.readFiles(dir)
	k.readLandlock(r)
	r.readLSM(dir)
	return k.readCgroup(r, dir)
}

// readFiles reads what one file each says.
func (r *Report) readFiles(dir *process) {
	readers := []struct {
		file, field string
		parse       func(text string) error
	}{
		{"cmdline", "command", func(text string) error { r.Command = splitCommand(text); return nil }},
		{"uid_map", "uid_mappings", func(text string) (err error) { r.UIDMappings, err = ParseIDMap(text); return err }},
		{"gid_map", "gid_mappings", func(text string) (err error) { r.GIDMappings, err = ParseIDMap(text); return err }},
		{"timens_offsets", "time_offsets", func(text string) (err error) { r.TimeOffsets, err = parseTimeOffsets(text); return err }},
		{"mountinfo", "mounts", func(text string) (err error) { r.Mounts, err = parseMounts(text); return err }},
		{"limits", "rlimits", func(text string) (err error) { r.Rlimits, err = parseRlimits(text); return err }},
	}
	for _, reader := range readers {
		text, err := dir.read(reader.file)
		if err == nil {
			err = reader.parse(text)
		}
		if err != nil {
			r.unknown(reader.field, reason(err))
		}
	}
	root, err := dir.link("root")
	if err != nil {
		r.unknown("root", reason(err))
	}
	r.Root = root
}

func splitCommand(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00")
}

func (k *Kernel) readLandlock(r *Report) {
	if k.Landlock != nil {
		r.Landlock.ABI = k.Landlock()
	}
	if r.Landlock.ABI == 0 {
		r.Landlock.Restricted = new(bool)
		return
	}
	r.unknown("landlock.restricted", "the kernel does not tell which processes have Landlock rules")
}

// readLSM: EINVAL is how the kernel says that no module labels processes.
func (r *Report) readLSM(dir *process) {
	text, err := dir.read("attr/current")
	switch {
	case err == nil:
		label := strings.TrimRight(text, "\x00\n")
		r.LSM = &LSM{Labelled: label != "", Label: label}
	case errors.Is(err, unix.EINVAL):
		r.LSM = &LSM{}
	default:
		r.unknown("lsm", reason(err))
	}
}

func mayNot(err error) bool { return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) }

// reason is an error in the words of the kernel, without the path that was
// tried: the field says what it was.
func reason(err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	switch errno {
	case unix.EACCES, unix.EPERM:
		return "permission denied: it takes the right to trace the process (ptrace(2))"
	case unix.ENOENT:
		return "this kernel has no such file"
	}
	return errno.Error()
}
