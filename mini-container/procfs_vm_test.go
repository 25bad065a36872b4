//go:build vmtest && linux

package minicontainer_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Readers of /proc that probe and tests share. None uses the package under
// test: a fault there must not hide itself.

func readText(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}

func readLines(path string) []string {
	return strings.Split(strings.TrimSpace(readText(path)), "\n")
}

// namespaceLinks reads /proc/PID/ns: "mnt" -> "mnt:[4026531841]".
func namespaceLinks(dir string) map[string]string {
	links := map[string]string{}
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		if link, err := os.Readlink(filepath.Join(dir, "ns", name)); err == nil {
			links[name] = link
		}
	}
	return links
}

// statusFields keeps the lines of /proc/PID/status that speak of privilege.
func statusFields(dir string) map[string]string {
	fields := map[string]string{}
	for _, line := range readLines(filepath.Join(dir, "status")) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Groups":
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields
}

// statusField reads any one line of /proc/PID/status, split into words.
func statusField(pid int, key string) []string {
	for _, line := range readLines(filepath.Join("/proc", strconv.Itoa(pid), "status")) {
		if k, value, _ := strings.Cut(line, ":"); k == key {
			return strings.Fields(value)
		}
	}
	return nil
}

// numeric lists the entries of a directory that are numbers.
func numeric(dir string) []string {
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err == nil {
			names = append(names, entry.Name())
		}
	}
	return names
}

// descendants lists the processes below pid, by their parents.
func descendants(pid int) []int {
	children := map[int][]int{}
	for _, name := range numeric("/proc") {
		child, _ := strconv.Atoi(name)
		if parent := statusField(child, "PPid"); len(parent) == 1 {
			n, _ := strconv.Atoi(parent[0])
			children[n] = append(children[n], child)
		}
	}
	var found []int
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		found = append(found, children[queue[0]]...)
		queue = append(queue, children[queue[0]]...)
	}
	return found
}
