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
	indent    = 12
)

// How many cells of a font with equal widths fit, by the widest of such fonts
// (0.62 of their size): nothing overlaps, whoever chooses the names.
const (
	titleCells = (wide - 2*margin) * 100 / (16 * 62)
	leftCells  = (ownX - 12 - hostX - indent) * 100 / (12 * 62)
	rightCells = (ownWide - indent) * 100 / (12 * 62)
)

const style = `
  :root { color-scheme: light dark; }
  svg { --paper: #ffffff; --ink: #1f2933; --faint: #5b6875; --line: #b8c2cc; --own: #d8f0e3; --own-line: #1f7a4d; --shared: #fdebc8; --shared-line: #9a5b00; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #14191f; --ink: #e6ebf0; --faint: #9fb0c0; --line: #3d4955; --own: #143a29; --own-line: #58c48d; --shared: #40300f; --shared-line: #e0a94a; }
  }
  text { font: 14px system-ui, sans-serif; fill: var(--ink); }
  .title { font: 600 16px ui-monospace, monospace; }
  .faint { fill: var(--faint); font-size: 12px; }
  .data { fill: var(--faint); font: 12px ui-monospace, monospace; }
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

// escape is text as XML has it, without what could turn the direction of
// writing or move a cursor.
func escape(text string) string { return markup(printable(text)) }

// markup is printable text as XML has it.
func markup(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}

// SVG draws the host on the left, the container on the right: what is shared
// lies between them.
func (p *Picture) SVG(w io.Writer) error {
	d := &drawing{y: margin + 12}
	for _, line := range wrap(p.Title, titleCells) {
		d.add(`<text class="title" x="%d" y="%d">%s</text>`, margin, d.y, markup(line))
		d.y += lineHigh
	}
	d.add(`<text class="faint" x="%d" y="%d">%s; green is its own, amber is shared with the host</text>`, margin, d.y, escape(p.Source))
	frame := d.y + 14
	d.add(`<text class="faint" x="%d" y="%d">host</text><text class="faint" x="%d" y="%d">%s</text>`, hostX, frame+16, ownX, frame+16, p.inner())
	d.y = frame + 24
	p.drawNamespaces(d)
	p.drawLists(d)
	d.add(`<rect class="frame" x="%d" y="%d" width="%d" height="%d" rx="10"/>`, margin, frame, wide-2*margin, d.y-frame)
	height := d.y + margin
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc">
<title id="title">%s</title>
<desc id="desc">%s</desc>
<style>%s</style>
<rect class="paper" width="%d" height="%d"/>
%s</svg>
`, wide, height, wide, height, escape(p.Title), escape(p.description()), style, wide, height, d.body.String())
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
	for _, m := range some(p.UserMaps) {
		d.add(`<text class="data" x="%d" y="%d">%s</text>`, ownX+8, d.y+12, escape(m))
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
		d.list(hostX, &left, "cgroup", append([]string{p.Cgroup}, some(p.Limits)...))
	}
	d.list(hostX, &left, "network", some(p.Links))
	d.list(ownX, &right, "mounts", some(p.Mounts))
	d.list(ownX, &right, "privileges", p.Privileges)
	d.y = max(left, right)
}

// list claims each line in an attribute, whole.
func (d *drawing) list(x int, y *int, name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	cells := leftCells
	if x == ownX {
		cells = rightCells
	}
	d.add(`<text x="%d" y="%d">%s</text>`, x, *y, name)
	for _, line := range lines {
		for i, part := range wrap(line, cells) {
			claim := ""
			if i == 0 {
				claim = fmt.Sprintf(` data-%s="%s"`, name, escape(line))
			}
			*y += lineHigh - 2
			d.add(`<text class="data" x="%d" y="%d"%s>%s</text>`, x+indent, *y, claim, markup(part))
		}
	}
	*y += lineHigh + 8
}
