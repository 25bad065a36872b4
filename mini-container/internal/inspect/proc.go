package inspect

import (
	"bufio"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"namespaces-cgroups-ebpf/mini-container/internal/procstatus"
)

// ParseNamespace reads what readlink(2) says of /proc/PID/ns/TYPE:
// "mnt:[4026531840]".
func ParseNamespace(link string) (inode uint64, err error) {
	_, rest, opened := strings.Cut(link, ":[")
	digits, closed := strings.CutSuffix(rest, "]")
	if inode, err = strconv.ParseUint(digits, 10, 64); err != nil || !opened || !closed {
		return 0, fmt.Errorf("parse namespace link %q: want TYPE:[INODE]", link)
	}
	return inode, nil
}

// ParseIDMap reads uid_map or gid_map, see user_namespaces(7).
func ParseIDMap(text string) ([]Mapping, error) {
	mappings := []Mapping{}
	for line := range strings.Lines(text) {
		ids, err := procstatus.ParseIDs(line)
		if err != nil || len(ids) != 3 {
			return nil, fmt.Errorf("parse id map line %q: want 3 numbers", strings.TrimSpace(line))
		}
		mappings = append(mappings, Mapping{ContainerID: ids[0], HostID: ids[1], Size: ids[2]})
	}
	return mappings, nil
}

// parseTimeOffsets reads timens_offsets, see time_namespaces(7).
func parseTimeOffsets(text string) (*TimeOffsets, error) {
	offsets, seen := &TimeOffsets{}, map[string]bool{}
	clocks := map[string]*int64{"monotonic": &offsets.Monotonic, "boottime": &offsets.Boottime}
	for line := range strings.Lines(text) {
		parts := strings.Fields(line)
		if len(parts) != 3 || clocks[parts[0]] == nil || seen[parts[0]] {
			return nil, fmt.Errorf("parse time offsets line %q: want CLOCK SECONDS NANOSECONDS", strings.TrimSpace(line))
		}
		seconds, err := strconv.ParseInt(parts[1], 10, 64)
		nanoseconds, err2 := strconv.ParseInt(parts[2], 10, 64)
		const second, most = 1_000_000_000, math.MaxInt64/1_000_000_000 - 1
		if err != nil || err2 != nil || seconds > most || seconds < -most || nanoseconds < 0 || nanoseconds >= second {
			return nil, fmt.Errorf("parse time offsets line %q: out of range", strings.TrimSpace(line))
		}
		*clocks[parts[0]], seen[parts[0]] = seconds*second+nanoseconds, true
	}
	if len(seen) != len(clocks) {
		return nil, fmt.Errorf("parse time offsets: %d of %d clocks", len(seen), len(clocks))
	}
	return offsets, nil
}

// limitColumns is how wide the columns of /proc/PID/limits are at least.
var limitColumns = []int{26, 21, 21, 0}

// parseRlimits reads /proc/PID/limits. Names have blanks in them, so columns
// are cut by width, as the kernel prints them.
func parseRlimits(text string) ([]Rlimit, error) {
	limits := []Rlimit{}
	scanner := bufio.NewScanner(strings.NewReader(text))
	for first := true; scanner.Scan(); first = false {
		if first {
			continue // the names of the columns
		}
		parts, ok := cutColumns(scanner.Text(), limitColumns)
		if !ok || !isLimit(parts[1]) || !isLimit(parts[2]) || parts[0] == "" {
			return nil, fmt.Errorf("parse limits line %q", scanner.Text())
		}
		limits = append(limits, Rlimit{Resource: resourceName(parts[0]), Soft: parts[1], Hard: parts[2], Unit: parts[3]})
	}
	return limits, scanner.Err()
}

// resourceName turns "Max cpu time" into "cpu time".
func resourceName(text string) string { return strings.TrimPrefix(text, "Max ") }

func isLimit(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil || text == "unlimited"
}

func cutColumns(line string, widths []int) (parts []string, ok bool) {
	if strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
		return nil, false
	}
	for i, width := range widths {
		if i == len(widths)-1 {
			return append(parts, strings.TrimSpace(line)), true
		}
		if len(line) < width-1 {
			return nil, false
		}
		width = min(width, len(line))
		parts, line = append(parts, strings.TrimSpace(line[:width])), line[width:]
	}
	return parts, true
}

// parseCgroups reads /proc/PID/cgroup, see cgroups(7).
func parseCgroups(text string) (*Cgroup, error) {
	c := &Cgroup{V1: []CgroupV1{}}
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 || !strings.HasPrefix(parts[2], "/") {
			return nil, fmt.Errorf("parse cgroup line %q: want NUMBER:CONTROLLERS:PATH", line)
		}
		if parts[0] == "0" {
			c.Path = parts[2]
			continue
		}
		c.V1 = append(c.V1, CgroupV1{Controllers: parts[1], Path: parts[2]})
	}
	return c, nil
}
