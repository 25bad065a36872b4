package inspect

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Text writes a report for people. With color, what is not isolated stands out.
func (r *Report) Text(w io.Writer, color bool) error {
	t := &textWriter{out: w, color: color}
	t.line("%s", r.headline())
	t.process(r)
	t.namespaces(r)
	t.privileges(r)
	t.cgroup(r)
	t.mounts(r)
	t.rlimits(r)
	t.unknown(r)
	return t.err
}

func (r *Report) headline() string {
	name := fmt.Sprintf("process %d, %q", r.PID, r.Name)
	if r.Container != "" {
		name += ", container " + r.Container
	}
	return name
}

// textWriter keeps the first error.
type textWriter struct {
	out   io.Writer
	color bool
	err   error
}

func (t *textWriter) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.out, format+"\n", args...)
	}
}

// The attributes of ECMA-48 that are used.
const (
	bold   = "1"
	yellow = "33"
	green  = "32"
)

func (t *textWriter) paint(attribute, text string) string {
	if !t.color {
		return text
	}
	return "\x1b[" + attribute + "m" + text + "\x1b[0m"
}

func (t *textWriter) section(name string) { t.line("\n%s", t.paint(bold, name)) }

// table aligns rows. A color must be in the last column: it has a width.
func (t *textWriter) table(rows [][]string) {
	if t.err != nil {
		return
	}
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(table, "  %s\n", strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	t.err = table.Flush()
}

func (t *textWriter) process(r *Report) {
	t.section("PROCESS")
	rows := [][]string{
		{"command", commandText(r)}, {"pid", pidText(r.PIDs)}, {"threads", threadText(r.Threads)},
		{"user", idText(r.UIDs)}, {"groups", idText(r.GIDs) + groupText(r.Groups)},
	}
	rows = append(rows, mapRows("uid map", r.UIDMappings)...)
	rows = append(rows, mapRows("gid map", r.GIDMappings)...)
	if r.Root != "" {
		rows = append(rows, []string{"root", safe(r.Root)})
	}
	t.table(rows)
}

// commandText: a process that has no arguments is the kernel's own, or has
// wiped them.
func commandText(r *Report) string {
	switch {
	case r.Command == nil:
		return "unknown"
	case len(r.Command) == 0:
		return "none, as threads of the kernel have"
	}
	return quote(r.Command)
}

func quote(words []string) string {
	var quoted []string
	for _, word := range words {
		if q := fmt.Sprintf("%q", word); word == "" || strings.Contains(word, " ") || q != `"`+word+`"` {
			word = q
		}
		quoted = append(quoted, word)
	}
	return strings.Join(quoted, " ")
}

// safe shows text of the process's making without what could move the cursor.
func safe(text string) string {
	q := fmt.Sprintf("%q", text)
	return q[1 : len(q)-1]
}

func pidText(pids []int) string {
	var words []string
	for _, pid := range pids {
		words = append(words, fmt.Sprint(pid))
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words, " outside, ") + " inside"
}

func threadText(n int) string {
	if n == 1 {
		return "1"
	}
	return fmt.Sprintf("%d; what follows is the first one's", n)
}

func idText(ids IDs) string {
	if ids.Real == ids.Effective && ids.Real == ids.Saved && ids.Real == ids.Filesystem {
		return fmt.Sprint(ids.Real)
	}
	return fmt.Sprintf("real %d, effective %d, saved %d, file system %d", ids.Real, ids.Effective, ids.Saved, ids.Filesystem)
}

func groupText(groups []uint32) string {
	if len(groups) == 0 {
		return ", no others"
	}
	return ", also " + strings.Trim(fmt.Sprint(groups), "[]")
}

func mapRows(name string, mappings []Mapping) [][]string {
	var rows [][]string
	for _, m := range mappings {
		text := fmt.Sprintf("%d-%d inside are %d-%d outside", m.ContainerID, uint64(m.ContainerID)+uint64(m.Size)-1, m.HostID, uint64(m.HostID)+uint64(m.Size)-1)
		if m.Size == 1 {
			text = fmt.Sprintf("%d inside is %d outside", m.ContainerID, m.HostID)
		}
		if m == (Mapping{Size: 1<<32 - 1}) {
			text = "all the same inside and outside"
		}
		rows, name = append(rows, []string{name, text}), ""
	}
	return rows
}

func (t *textWriter) namespaces(r *Report) {
	t.section("NAMESPACES")
	rows := [][]string{{"KIND", "INODE", "OWNER", "WHOSE"}}
	for _, ns := range r.Namespaces {
		rows = append(rows, []string{ns.Type, number(ns.Inode), number(ns.Owner), t.whose(ns)})
	}
	t.table(rows)
	if o := r.TimeOffsets; o != nil && (o.Monotonic != 0 || o.Boottime != 0) {
		t.line("  clocks ahead of the host's: monotonic %s, boottime %s", time.Duration(o.Monotonic), time.Duration(o.Boottime))
	}
}

func number(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// whose puts into words with whom a namespace is shared.
func (t *textWriter) whose(ns Namespace) string {
	init, caller := ns.SharedWithInit, ns.SharedWithCaller
	switch {
	case init != nil && *init:
		return t.paint(yellow, "shared with PID 1")
	case caller != nil && *caller:
		return t.paint(yellow, "shared with you")
	case init != nil && caller != nil:
		return t.paint(green, "own")
	case caller != nil:
		return "not yours"
	}
	return "unknown"
}

func (t *textWriter) privileges(r *Report) {
	t.section("PRIVILEGES")
	rows := [][]string{}
	for _, set := range []string{"effective", "permitted", "bounding", "inheritable", "ambient"} {
		rows = append(rows, []string{set, capabilityText(r.Capabilities[set])})
	}
	seccomp := r.Seccomp.Mode
	if n := r.Seccomp.Filters; n != nil && *n > 1 {
		seccomp += fmt.Sprintf(", %d in a row", *n)
	}
	rows = append(rows, []string{"new privileges", map[bool]string{true: "never (no_new_privs)", false: "possible"}[r.NoNewPrivs]},
		[]string{"seccomp", seccomp}, []string{"landlock", landlockText(r.Landlock)}, []string{"label", labelText(r.LSM)})
	t.table(rows)
}

// almostAll is more than a container has that is not meant to be root.
const almostAll = 32

// capabilityText names what a set has, or what it lacks, whichever is shorter.
func capabilityText(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) < almostAll {
		return strings.Join(shortNames(names), " ")
	}
	last := names[len(names)-1]
	var all uint64 // up to the last one
	for bit := range 64 {
		if all |= 1 << bit; CapabilityNames(1 << bit)[0] == last {
			break
		}
	}
	missing := slices.DeleteFunc(CapabilityNames(all), func(name string) bool { return slices.Contains(names, name) })
	text := fmt.Sprintf("%d: all up to %s", len(names), shortNames(names[len(names)-1:])[0])
	if len(missing) > 0 {
		text += " but " + strings.Join(shortNames(missing), " ")
	}
	return text
}

func shortNames(names []string) (short []string) {
	for _, name := range names {
		short = append(short, strings.ToLower(strings.TrimPrefix(name, "CAP_")))
	}
	return short
}

func landlockText(l Landlock) string {
	switch {
	case l.Restricted == nil:
		return fmt.Sprintf("unknown (the kernel has it, version %d, and does not tell)", l.ABI)
	case *l.Restricted:
		return "restricted"
	}
	return "this kernel has none"
}

func labelText(l *LSM) string {
	switch {
	case l == nil:
		return "unknown"
	case !l.Labelled:
		return "no security module labels processes"
	}
	return safe(l.Label)
}

func (t *textWriter) mounts(r *Report) {
	if r.Mounts == nil {
		return
	}
	t.section("MOUNTS")
	rows := [][]string{{"TARGET", "TYPE", "ROOT", "PROPAGATION", "OPTIONS"}}
	for _, m := range r.Mounts {
		options := slices.Clone(m.Options)
		if m.ReadOnly && !slices.Contains(options, "ro") {
			options = append(options, "file system ro")
		}
		rows = append(rows, []string{safe(m.Target), m.Type, safe(m.Root), strings.Join(m.Propagation, " "), strings.Join(options, " ")})
	}
	t.table(rows)
}

func (t *textWriter) rlimits(r *Report) {
	if r.Rlimits == nil {
		return
	}
	t.section("RESOURCE LIMITS")
	rows := [][]string{{"RESOURCE", "SOFT", "HARD", "UNIT"}}
	for _, l := range r.Rlimits {
		rows = append(rows, []string{l.Resource, l.Soft, l.Hard, l.Unit})
	}
	t.table(rows)
}

func (t *textWriter) unknown(r *Report) {
	if len(r.Unknown) == 0 {
		return
	}
	t.section("UNKNOWN")
	for _, group := range byReason(r.Unknown) {
		t.line("  %s:\n    %s", group.Reason, group.Field)
	}
}

// byReason joins the fields that are unknown for the same reason.
func byReason(all []Unknown) []Unknown {
	var groups []Unknown
	for _, u := range eachKind(all) {
		at := slices.IndexFunc(groups, func(g Unknown) bool { return g.Reason == u.Reason })
		if at < 0 {
			groups = append(groups, u)
			continue
		}
		groups[at].Field += ", " + u.Field
	}
	return groups
}

// eachKind puts "namespaces.*.owner_inode" for what is unknown of every kind,
// for the same reason.
func eachKind(all []Unknown) (short []Unknown) {
	for _, u := range all {
		parts := strings.SplitN(u.Field, ".", 3)
		if parts[0] != "namespaces" || len(parts) < 2 {
			short = append(short, u)
			continue
		}
		kinds := 0
		for _, kind := range Types {
			parts[1] = kind
			if slices.Contains(all, Unknown{strings.Join(parts, "."), u.Reason}) {
				kinds++
			}
		}
		if kinds == len(Types) {
			parts[1] = "*"
			u.Field = strings.Join(parts, ".")
		}
		if !slices.Contains(short, u) {
			short = append(short, u)
		}
	}
	return short
}
