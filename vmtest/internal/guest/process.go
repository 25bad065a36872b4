package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// kernelThread is PF_KTHREAD of linux/sched.h, a flag in /proc/PID/stat.
const kernelThread = 0x00200000

// process is what init wants to know of another process.
type process struct {
	pid, parent, session int
	name                 string
	zombie, kernel       bool
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name may hold spaces
// and parentheses, so the fields are counted from the last ")".
func parseStat(line string) (process, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 1 || end < open {
		return process{}, fmt.Errorf("parse process stat: no name in %q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 7 {
		return process{}, fmt.Errorf("parse process stat: %d fields after the name", len(fields))
	}
	numbers := make([]int, 0, 4)
	for _, text := range []string{strings.TrimSpace(line[:open]), fields[1], fields[3], fields[6]} {
		n, err := strconv.Atoi(text)
		if err != nil {
			return process{}, fmt.Errorf("parse process stat: %w", err)
		}
		numbers = append(numbers, n)
	}
	return process{
		pid: numbers[0], parent: numbers[1], session: numbers[2], kernel: numbers[3]&kernelThread != 0,
		name: line[open+1 : end], zombie: fields[0] == "Z" || fields[0] == "X",
	}, nil
}

// listProcesses returns the living user-space processes except process 1.
func listProcesses(procRoot string) []process {
	files, _ := filepath.Glob(filepath.Join(procRoot, "[0-9]*", "stat"))
	var list []process
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		p, err := parseStat(string(data))
		if err == nil && p.pid != 1 && !p.kernel && !p.zombie {
			list = append(list, p)
		}
	}
	return list
}

// ofSession returns the processes of one session and their descendants. An
// orphan that made a session of its own belongs to nobody. Session 0 is no
// session but what /proc shows for those begun outside this pid namespace, and
// 1 is init's: neither may ever match, since the result gets killed.
func ofSession(list []process, session int) []process {
	if session <= 1 {
		return nil
	}
	return closure(list, func(p process) bool { return p.session == session })
}

// descendants returns the processes below root, which is not among them.
func descendants(list []process, root int) []process {
	return closure(list, func(p process) bool { return p.parent == root })
}

// closure returns the processes for which first holds and their descendants.
func closure(list []process, first func(process) bool) []process {
	member := map[int]bool{}
	for grown := true; grown; {
		grown = false
		for _, p := range list {
			if !member[p.pid] && (first(p) || member[p.parent]) {
				member[p.pid], grown = true, true
			}
		}
	}
	var found []process
	for _, p := range list {
		if member[p.pid] {
			found = append(found, p)
		}
	}
	return found
}
