package multitenantcgroups_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// fakeTree is a cgroup2 hierarchy in memory, with as much of the kernel's
// behaviour as apply and remove meet.
type fakeTree struct {
	controllers string
	files       map[string]map[string]string // cgroup -> file -> content
	owners      map[string]string
	failWrite   map[string]error  // "cgroup/file" -> error
	holds       map[string]string // "file" -> what the kernel makes of any value
	log         []string
}

func newFakeTree() *fakeTree {
	return &fakeTree{
		controllers: "cpuset cpu io memory pids",
		files:       map[string]map[string]string{"": {"cgroup.subtree_control": "cpuset"}},
		owners:      map[string]string{},
		failWrite:   map[string]error{},
		holds:       map[string]string{},
	}
}

// snapshot is comparable state: everything but the log.
func (f *fakeTree) snapshot() string {
	var lines []string
	for _, cgroup := range slices.Sorted(maps.Keys(f.files)) {
		lines = append(lines, fmt.Sprintf("%s %v %s", cgroup, f.files[cgroup], f.owners[cgroup]))
	}
	return strings.Join(lines, "\n")
}

func (f *fakeTree) Exists(cgroup string) (bool, error) {
	_, ok := f.files[cgroup]
	return ok, nil
}

func (f *fakeTree) Children(cgroup string) ([]string, error) {
	var names []string
	for c := range f.files {
		if c != "" && path.Dir(c) == cgroup {
			names = append(names, path.Base(c))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (f *fakeTree) Create(cgroup string) error {
	if _, ok := f.files[cgroup]; ok {
		return syscall.EEXIST
	}
	f.log = append(f.log, "create "+cgroup)
	parent := path.Dir(cgroup)
	if parent == "." {
		parent = ""
	}
	f.files[cgroup] = map[string]string{"cgroup.subtree_control": "", "cgroup.procs": ""}
	f.addControllers(cgroup, f.files[parent]["cgroup.subtree_control"])
	return nil
}

func (f *fakeTree) addControllers(cgroup, names string) {
	for _, name := range strings.Fields(names) {
		switch name {
		case "cpu":
			f.files[cgroup]["cpu.max"] = "max 100000"
		case "memory":
			f.files[cgroup]["memory.max"] = "max"
			f.files[cgroup]["memory.swap.max"] = "max"
		case "pids":
			f.files[cgroup]["pids.max"] = "max"
		}
	}
}

func (f *fakeTree) Delete(cgroup string) error {
	if children, _ := f.Children(cgroup); len(children) > 0 {
		return syscall.EBUSY
	}
	f.log = append(f.log, "delete "+cgroup)
	delete(f.files, cgroup)
	delete(f.owners, cgroup)
	return nil
}

func (f *fakeTree) Destroy(cgroup string) error { return f.Delete(cgroup) }

func (f *fakeTree) Read(cgroup, file string) (string, error) {
	if cgroup == "" && file == "cgroup.controllers" {
		return f.controllers, nil
	}
	content, ok := f.files[cgroup][file]
	if !ok {
		return "", syscall.ENOENT
	}
	return content, nil
}

func (f *fakeTree) Write(cgroup, file, value string) error {
	if err := f.failWrite[path.Join(cgroup, file)]; err != nil {
		return err
	}
	if _, ok := f.files[cgroup][file]; !ok {
		return syscall.ENOENT
	}
	f.log = append(f.log, fmt.Sprintf("write %s %s", path.Join(cgroup, file), strconv.Quote(value)))
	if file == "cgroup.subtree_control" {
		f.control(cgroup, value)
		return nil
	}
	if held, ok := f.holds[file]; ok {
		value = held
	}
	f.files[cgroup][file] = value
	return nil
}

func (f *fakeTree) control(cgroup, value string) {
	enabled := strings.Fields(f.files[cgroup]["cgroup.subtree_control"])
	for _, change := range strings.Fields(value) {
		name := change[1:]
		enabled = slices.DeleteFunc(enabled, func(s string) bool { return s == name })
		if change[0] == '+' {
			enabled = append(enabled, name)
		}
	}
	f.files[cgroup]["cgroup.subtree_control"] = strings.Join(enabled, " ")
}

func (f *fakeTree) Owner(cgroup string) (string, error) { return f.owners[cgroup], nil }

func (f *fakeTree) SetOwner(cgroup, owner string) error {
	f.owners[cgroup] = owner
	return nil
}
