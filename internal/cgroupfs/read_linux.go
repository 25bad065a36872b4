package cgroupfs

import "fmt"

// ReadKeyed reads a flat keyed file (see ParseKeyed).
func ReadKeyed(dir, file string) (map[string]uint64, error) {
	content, err := Read(dir, file)
	if err != nil {
		return nil, err
	}
	values, err := ParseKeyed(content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return values, nil
}

// Procs lists the pids in the cgroup itself, as this pid namespace sees them,
// not those of its children. The list is a snapshot and may hold a pid twice.
func Procs(dir string) ([]int, error) {
	content, err := Read(dir, "cgroup.procs")
	if err != nil {
		return nil, err
	}
	return parsePids(content)
}

// Populated reports whether the cgroup or a descendant holds a live process.
// Zombies do not count. The root cgroup has no such file and gives ENOENT.
func Populated(dir string) (bool, error) {
	events, err := ReadKeyed(dir, "cgroup.events")
	if err != nil {
		return false, err
	}
	return events["populated"] != 0, nil
}
