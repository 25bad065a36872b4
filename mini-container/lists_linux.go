package minicontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/mini-container/internal/cgroup"
	"namespaces-cgroups-ebpf/mini-container/internal/procstatus"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// The contracts of List, ProcessList and GCReport.
const (
	ListSchema = "container-list/v1"
	PsSchema   = "container-ps/v1"
	GCSchema   = "container-gc/v1"
)

// List is all containers of a user.
type List struct {
	Schema     string         `json:"schema"`
	Containers []state.Record `json:"containers"`
}

// ListContainers clears away what killed containers have left, then lists.
func ListContainers(store *state.Store) (*List, error) {
	_, sweepErr := Sweep(store)
	entries, err := store.List()
	list := &List{Schema: ListSchema, Containers: []state.Record{}}
	for _, e := range entries {
		if e.Status == state.Running && frozen(e.Cgroup) {
			e.Status = state.Paused
		}
		list.Containers = append(list.Containers, e.Record)
	}
	return list, errors.Join(sweepErr, err)
}

// Names lists the containers that can be read, and changes nothing.
func Names(store *state.Store) []state.Record {
	entries, _ := store.List() // the others are for commands that can say so
	var records []state.Record
	for _, e := range entries {
		records = append(records, e.Record)
	}
	return records
}

func frozen(path string) bool {
	h, err := cgroup.Find("/proc")
	if err != nil || path == "" {
		return false
	}
	g, err := cgroup.Open(h, path)
	if err != nil {
		return false
	}
	defer g.Close()
	is, _ := g.Frozen()
	return is
}

// GCReport says what was cleared away.
type GCReport struct {
	Schema  string   `json:"schema"`
	Removed []string `json:"removed"` // names, sorted
}

// NewGCReport makes one of what Sweep returns.
func NewGCReport(removed []string) *GCReport {
	r := &GCReport{Schema: GCSchema, Removed: slices.Sorted(slices.Values(removed))}
	if r.Removed == nil {
		r.Removed = []string{}
	}
	return r
}

// ProcessList is the processes of one container.
type ProcessList struct {
	Schema    string    `json:"schema"`
	ID        string    `json:"id"`
	Processes []Process `json:"processes"` // by PID
}

// Processes lists what runs in the container's cgroup or, without one, in its
// pid namespace.
func (c *Live) Processes() (*ProcessList, error) {
	var pids []int
	var err error
	if c.group != nil {
		pids, err = c.group.Procs()
	} else {
		pids, err = pidsInNamespace("/proc", c.PID)
	}
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	list := &ProcessList{Schema: PsSchema, ID: c.ID, Processes: []Process{}}
	for _, pid := range slices.Compact(slices.Sorted(slices.Values(pids))) {
		p, err := readProcess("/proc", pid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended meanwhile, before the file was opened or after
		}
		if err != nil {
			return nil, err
		}
		list.Processes = append(list.Processes, *p)
	}
	return list, nil
}

func pidsInNamespace(proc string, first int) ([]int, error) {
	want, err := namespaceInode(filepath.Join(proc, strconv.Itoa(first)), "pid")
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if inode, err := namespaceInode(filepath.Join(proc, e.Name()), "pid"); err == nil && inode == want {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func readProcess(proc string, pid int) (*Process, error) {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return nil, err
	}
	parsed, err := procstatus.Parse(string(status))
	if err != nil {
		return nil, fmt.Errorf("read process %d: %w", pid, err)
	}
	p := newProcess(parsed)
	p.PID = pid
	if line, err := os.ReadFile(filepath.Join(dir, "cmdline")); err == nil && len(line) > 0 {
		p.Command = strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
	}
	return p, nil
}
