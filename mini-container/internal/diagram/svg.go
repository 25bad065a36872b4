package diagram

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The measures of the drawing, in pixels.
const (
	wide      = 920
	margin    = 24
	rowHeight = 34
	lineHigh  = 20
	hostX     = margin + 16
	hostWide  = 250
	ownX      = 430
	ownWide   = 440
	top       = 92
)

const style = `
  :root { color-scheme: light dark; }
  svg { --paper: #ffffff; --ink: #1f2933; --faint: #5b6875; --line: #b8c2cc; --own: #d8f0e3; --own-line: #1f7a4d; --shared: #fdebc8; --shared-line: #9a5b00; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #14191f; --ink: #e6ebf0; --faint: #9fb0c0; --line: #3d4955; --own: #143a29; --own-line: #58c48d; --shared: #40300f; --shared-line: #e0a94a; }
  }
  text { font: 14px system-ui, sans-serif; fill: var(--ink); }
  .title { font-size: 18px; font-weight: 600; }
  .faint { fill: var(--faint); font-size: 12px; }
  .paper { fill: var(--paper); }
  .frame { fill: none; stroke: var(--line); }
  .nest { fill: none; stroke: var(--own-line); stroke-dasharray: 6 4; }
  .own { fill: var(--own); stroke: var(--own-line); }
  .shared { fill: var(--shared); stroke: var(--shared-line); }
  .unknown { fill: none; stroke: var(--line); stroke-dasharray: 2 3; }
  .tie { stroke: var(--shared-line); stroke-width: 2; }
`

// drawing keeps the elements until the height is known, and the first error.
type drawing struct {
	body strings.Builder
	y    int
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.body, format+"\n", args...) }

// escape is text as XML has it; what XML cannot hold is a question mark.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}

// SVG draws the host on the left, the container on the right: what is shared
// lies between them.
func (p *Picture) SVG(w io.Writer) error {
	d := &drawing{y: top}
	p.drawNamespaces(d)
	p.drawLists(d)
	height := d.y + 2*margin
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc">
<title id="title">%s</title>
<desc id="desc">%s</desc>
<style>%s</style>
<rect class="paper" width="%d" height="%d"/>
<text class="title" x="%d" y="36">%s</text>
<text class="faint" x="%d" y="56">%s; green is its own, amber is shared with the host</text>
<rect class="frame" x="%d" y="70" width="%d" height="%d" rx="10"/>
<text class="faint" x="%d" y="86">host</text>
<text class="faint" x="%d" y="86">container</text>
%s</svg>
`, wide, height, wide, height, escape(p.Title), escape(p.description()), style, wide, height, margin, escape(p.Title), margin, escape(p.Source),
		margin, wide-2*margin, height-70-margin, hostX, ownX, d.body.String())
	if err != nil {
		return fmt.Errorf("write diagram: %w", err)
	}
	return nil
}

// drawNamespaces puts those that belong to the own user namespace into its
// frame.
func (p *Picture) drawNamespaces(d *drawing) {
	var owned, rest []Namespace
	for _, ns := range p.Namespaces {
		if ns.Owned || ns.Kind == "user" && ns.Relation == Own {
			owned = append(owned, ns)
		} else {
			rest = append(rest, ns)
		}
	}
	for _, ns := range rest {
		d.namespace(ns)
	}
	if len(owned) == 0 {
		return
	}
	from := d.y + 4
	d.y += 30
	d.add(`<text class="faint" x="%d" y="%d">user namespace: what is in this frame belongs to it</text>`, ownX-2, from+16)
	for _, ns := range owned {
		d.namespace(ns)
	}
	for _, m := range p.UserMaps {
		d.add(`<text class="faint" x="%d" y="%d">%s</text>`, ownX+8, d.y+12, escape(m))
		d.y += lineHigh
	}
	d.add(`<rect class="nest" x="%d" y="%d" width="%d" height="%d" rx="8"/>`, ownX-12, from, ownWide+24, d.y-from+4)
	d.y += 12
}

// namespace draws one row: the host's, the container's, and a tie if they are
// one and the same.
func (d *drawing) namespace(ns Namespace) {
	const high, text = rowHeight - 8, 18
	hostClass := "frame"
	if ns.Relation == Shared {
		hostClass = "shared"
		d.add(`<line class="tie" x1="%d" y1="%d" x2="%d" y2="%d"/>`, hostX+hostWide, d.y+high/2, ownX, d.y+high/2)
	}
	d.add(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="5"/><text x="%d" y="%d">%s</text>`, hostClass, hostX, d.y, hostWide, high, hostX+10, d.y+text, ns.Kind)
	d.add(`<g data-kind="%s" data-inode="%d" data-relation="%s" data-owned="%t"><rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="5"/>`+
		`<text x="%d" y="%d">%s %s</text><text class="faint" x="%d" y="%d">%s</text></g>`,
		ns.Kind, ns.Inode, ns.Relation, ns.Owned, ns.Relation, ownX, d.y, ownWide, high, ownX+10, d.y+text, ns.Kind, inode(ns), ownX+210, d.y+text, meaning[ns.Kind])
	d.y += rowHeight
}

// drawLists writes what has no box below the boxes.
func (p *Picture) drawLists(d *drawing) {
	d.y += lineHigh
	left, right := d.y, d.y
	if p.Cgroup != "" {
		d.list(hostX, &left, "cgroup "+p.Cgroup, p.Limits)
	}
	if len(p.Links) > 0 {
		d.list(hostX, &left, "network", p.Links)
	}
	shown, more := p.someMounts()
	if more > 0 {
		shown = append(append([]string{}, shown...), fmt.Sprintf("and %d more", more))
	}
	if len(shown) > 0 {
		d.list(ownX, &right, "mounts", shown)
	}
	if len(p.Privileges) > 0 {
		d.list(ownX, &right, "privileges", p.Privileges)
	}
	d.y = max(left, right)
}

func (d *drawing) list(x int, y *int, name string, lines []string) {
	d.add(`<text x="%d" y="%d">%s</text>`, x, *y, escape(short(name)))
	for _, line := range lines {
		*y += lineHigh
		d.add(`<text class="faint" x="%d" y="%d">%s</text>`, x+12, *y, escape(short(line)))
	}
	*y += lineHigh + 8
}

// short keeps a line within its column.
func short(line string) string {
	const most = 56
	if r := []rune(line); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return line
}
