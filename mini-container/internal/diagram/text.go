package diagram

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

func join(list []string) string { return strings.Join(list, ", ") }

// Text draws nested boxes: the host, in it the user namespace if there is an
// own one, in that what belongs to it.
func (p *Picture) Text(w io.Writer) error {
	inner := p.container()
	lines := []string{}
	for _, ns := range p.Namespaces {
		if ns.Relation != Own {
			lines = append(lines, p.row(ns))
		}
	}
	lines = append(lines, inner...)
	lines = append(lines, p.connections()...)
	for _, line := range append([]string{printable(p.Title) + " (" + p.Source + ")", ""}, box("host", lines)...) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return fmt.Errorf("print diagram: %w", err)
		}
	}
	return nil
}

func (p *Picture) row(ns Namespace) string {
	return fmt.Sprintf("%-7s %-11s %-8s %s", ns.Kind, inode(ns), ns.Relation, meaning[ns.Kind])
}

func inode(ns Namespace) string {
	switch {
	case ns.Inode != 0:
		return fmt.Sprint(ns.Inode)
	case ns.Relation == Own:
		return "new"
	}
	return "-"
}

// inner is what the box around the process is called.
func (p *Picture) inner() string {
	if slices.ContainsFunc(p.Namespaces, func(ns Namespace) bool { return ns.Relation == Own }) {
		return "container"
	}
	return "process" // nothing separates it
}

// container is the boxes of the namespaces that are the container's own.
func (p *Picture) container() []string {
	var owned, others []string
	user := slices.IndexFunc(p.Namespaces, func(ns Namespace) bool { return ns.Kind == "user" && ns.Relation == Own })
	for _, ns := range p.Namespaces {
		switch {
		case ns.Relation != Own || ns.Kind == "user":
		case ns.Owned:
			owned = append(owned, p.row(ns))
		default:
			others = append(others, p.row(ns))
		}
	}
	if user < 0 {
		return box(p.inner(), joined(others, p.inside()))
	}
	lines := []string{p.row(p.Namespaces[user])}
	for _, m := range some(p.UserMaps) {
		lines = append(lines, "  "+m)
	}
	if len(owned) > 0 {
		lines = append(lines, box("belongs to it", owned)...)
	}
	return box(p.inner(), joined(others, box("user namespace", lines), p.inside()))
}

// joined puts an empty line before what inside lists, if there is something above.
func joined(parts ...[]string) []string {
	lines := slices.Concat(parts...)
	if len(lines) > 0 && lines[0] == "" {
		return lines[1:]
	}
	return lines
}

// inside is what the container sees and may do.
func (p *Picture) inside() []string {
	var lines []string
	if len(p.Mounts) > 0 {
		lines = append(lines, "", "mounts")
		lines = append(lines, listed("  ", some(p.Mounts))...)
	}
	if len(p.Privileges) > 0 {
		lines = append(lines, "", "privileges", "  "+join(p.Privileges))
	}
	return lines
}

// connections is what reaches from the container to the host.
func (p *Picture) connections() []string {
	lines := listed("network ", some(p.Links))
	if p.Cgroup != "" {
		lines = append(lines, listed("cgroup  ", []string{p.Cgroup})...)
	}
	return append(lines, listed("          ", some(p.Limits))...)
}

// textCells is how many cells of a terminal a name may take.
const textCells = 72

// listed puts a word before each line, and blanks before what it goes on with.
func listed(word string, list []string) (lines []string) {
	for _, line := range list {
		before := word
		for _, part := range wrap(line, textCells) {
			lines = append(lines, before+part)
			before = strings.Repeat(" ", len(word))
		}
	}
	return lines
}

func box(name string, lines []string) []string {
	width := cells(name) + 4
	for _, line := range lines {
		width = max(width, cells(line)+2)
	}
	framed := []string{"┌─ " + name + " " + strings.Repeat("─", width-cells(name)-3) + "┐"}
	for _, line := range lines {
		framed = append(framed, "│ "+line+strings.Repeat(" ", width-1-cells(line))+"│")
	}
	return append(framed, "└"+strings.Repeat("─", width)+"┘")
}
