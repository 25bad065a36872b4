package guest

import (
	"bufio"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// leftoverWait is how long things may take to go by themselves once their
	// last process is dead: a network namespace, with its links, and what BPF
	// holds are freed in the background.
	leftoverWait = 3 * time.Second
	// maxInventory bounds what is listed of one kind: it may be hostile.
	maxInventory = 20_000
	// maxShown bounds one name.
	maxShown = 200
)

// inventory counts what outlives processes, by a name for people. Two mounts
// on one place are two.
type inventory map[string]int

func (v inventory) add(kind, name, remark string) {
	if len(v) < maxInventory {
		v[kind+" "+show(name)+remark]++
	}
}

// beyond lists what is there more often than before.
func (v inventory) beyond(before inventory) []string {
	var more []string
	for name, n := range v {
		if n > before[name] {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	return more[:min(len(more), maxLeftover)]
}

// show makes a name harmless: it may hold anything but NUL.
func show(name string) string {
	name = name[:min(len(name), maxShown)]
	if quoted := strconv.QuoteToASCII(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// Inventory implements platform.
func (m *machine) Inventory() inventory {
	v := inventory{}
	m.addMounts(v)
	addTree(v, "BPF pin", m.path("/sys/fs/bpf"), func(fs.DirEntry) bool { return true })
	addTree(v, "cgroup", m.path("/sys/fs/cgroup"), fs.DirEntry.IsDir)
	addLinks(v, m.path("/sys/class/net"))
	addLines(v, "kprobe", m.path("/sys/kernel/tracing/kprobe_events"), 0)
	addLines(v, "uprobe", m.path("/sys/kernel/tracing/uprobe_events"), 0)
	addLines(v, "swap", m.path("/proc/swaps"), 1)
	for _, id := range m.kernel.Programs() {
		v.add("BPF program", fmt.Sprint(id), "")
	}
	return v
}

// Inventory implements platform. Of the rest nobody can tell whether systemd or
// the command made it.
func (u *unit) Inventory() inventory {
	v := inventory{}
	u.addMounts(v)
	addTree(v, "BPF pin", u.path("/sys/fs/bpf"), func(fs.DirEntry) bool { return true })
	maps.DeleteFunc(v, func(name string, _ int) bool { return ofSystemd(name) })
	return v
}

// systemdMounts come and go with units and logins.
var systemdMounts = []string{
	"/run/user/", "/run/credentials/", "/run/systemd/", "/proc/sys/fs/binfmt_misc ", "/dev/hugepages ", "/dev/mqueue ",
}

func ofSystemd(name string) bool {
	path, ok := strings.CutPrefix(name, "mount ")
	return ok && slices.ContainsFunc(systemdMounts, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// automounted are places where the kernel mounts by itself, or where ip-netns(8)
// leaves a mount of its own for good.
var automounted = []string{"/sys/kernel/debug/tracing", "/run/netns"}

// addMounts lists the mounts that init sees (proc_pid_mountinfo(5)).
func (m *machine) addMounts(v inventory) {
	data, _ := os.ReadFile(m.path("/proc/self/mountinfo"))
	for line := range strings.Lines(string(data)) {
		left, right, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(kind) == 0 || slices.Contains(automounted, fields[4]) {
			continue
		}
		if name, named := strings.CutPrefix(fields[4], "/run/netns/"); named && kind[0] == "nsfs" {
			v.add("network namespace", name, "")
			continue
		}
		v.add("mount", fields[4], " ("+kind[0]+")")
	}
}

// addTree lists what is below a directory.
func addTree(v inventory, kind, root string, want func(fs.DirEntry) bool) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return nil // what has just gone is no leftover
		}
		if want(d) {
			v.add(kind, strings.TrimPrefix(path, root), "")
		}
		return nil
	})
}

// fallbackLinks are made by the kernel when a module is loaded, not by whoever
// needed the module.
var fallbackLinks = []string{
	"lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip6gre0", "ip_vti0", "ip6_vti0", "dummy0", "bond0", "ifb0", "ifb1",
}

func addLinks(v inventory, dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		isLink := e.IsDir() || e.Type()&fs.ModeSymlink != 0 // bonding_masters is a file
		if isLink && !slices.Contains(fallbackLinks, e.Name()) {
			v.add("network link", e.Name(), "")
		}
	}
}

// addLines lists the first words of a file's lines after its header.
func addLines(v inventory, kind, path string, header int) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 0; lines.Scan(); n++ {
		if fields := strings.Fields(lines.Text()); n >= header && len(fields) > 0 {
			v.add(kind, fields[0], "")
		}
	}
}

// leftBehind lists what is there now and was not before, once what goes by
// itself has had its time.
func leftBehind(p platform, before inventory) []string {
	for deadline := time.Now().Add(leftoverWait); ; time.Sleep(pollInterval) {
		more := p.Inventory().beyond(before)
		if len(more) == 0 || time.Now().After(deadline) {
			return more
		}
	}
}
