package diagram

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
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
	content := p.inside()
	if user < 0 {
		name := "container"
		if len(others) == 0 { // nothing separates it
			name = "process"
		}
		return box(name, slices.Concat(others, content))
	}
	lines := []string{p.row(p.Namespaces[user])}
	for _, m := range p.UserMaps {
		lines = append(lines, "  "+m)
	}
	if len(owned) > 0 {
		lines = append(lines, box("belongs to it", owned)...)
	}
	return box("container", slices.Concat(others, box("user namespace", lines), content))
}

// inside is what the container sees and may do.
func (p *Picture) inside() []string {
	var lines []string
	if shown, more := p.someMounts(); len(shown) > 0 {
		lines = append(lines, "", "mounts")
		for _, m := range shown {
			lines = append(lines, "  "+printable(m))
		}
		if more > 0 {
			lines = append(lines, fmt.Sprintf("  and %d more", more))
		}
	}
	if len(p.Privileges) > 0 {
		lines = append(lines, "", "privileges", "  "+join(p.Privileges))
	}
	return lines
}

// connections is what reaches from the container to the host.
func (p *Picture) connections() []string {
	var lines []string
	for _, l := range p.Links {
		lines = append(lines, "veth    "+printable(l))
	}
	if p.Cgroup != "" {
		lines = append(lines, "cgroup  "+printable(p.Cgroup))
	}
	for _, l := range p.Limits {
		lines = append(lines, "          "+printable(l))
	}
	return lines
}

// printable shows text of the container's making without what could move the
// cursor.
func printable(text string) string {
	quoted := fmt.Sprintf("%q", text)
	return quoted[1 : len(quoted)-1]
}

func box(name string, lines []string) []string {
	width := utf8.RuneCountInString(name) + 4
	for _, line := range lines {
		width = max(width, utf8.RuneCountInString(line)+2)
	}
	framed := []string{"┌─ " + name + " " + strings.Repeat("─", width-utf8.RuneCountInString(name)-3) + "┐"}
	for _, line := range lines {
		framed = append(framed, "│ "+line+strings.Repeat(" ", width-1-utf8.RuneCountInString(line))+"│")
	}
	return append(framed, "└"+strings.Repeat("─", width)+"┘")
}
