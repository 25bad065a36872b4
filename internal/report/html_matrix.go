package report

import "strings"

type htmlColumn struct {
	htmlMark
	Series, Release string
	Shown           bool // the outcome is worth a word
}

// htmlGroup is the rows of one deliverable.
type htmlGroup struct {
	Name   string
	Counts []string // per kernel
	Rows   []htmlRow
}

type htmlRow struct {
	Entry, Find, Outcomes string
	Cells                 []htmlCell
	id                    string
}

type htmlCell struct {
	htmlMark
	Anchor, Series, Duration string
	Bar                      htmlBar
	ns                       int64
}

// matrix arranges tests by kernels.
func (p *htmlPage) matrix(r Report) {
	columns := map[string]int{}
	for _, k := range r.Kernels {
		columns[k.Series] = len(p.Columns)
		p.Columns = append(p.Columns, htmlColumn{
			htmlMark: markOf(k.Outcome, k.Optional && k.Outcome == Unavailable),
			Series:   oneLine(k.Series), Release: oneLine(k.Release), Shown: k.Outcome != Pass,
		})
	}
	groups, rows := map[string]int{}, map[string]int{}
	for _, result := range r.Results {
		column, ok := columns[result.Series]
		if !ok {
			continue
		}
		g, ok := groups[result.Deliverable]
		if !ok {
			g = len(p.Groups)
			groups[result.Deliverable] = g
			p.Groups = append(p.Groups, htmlGroup{Name: result.Deliverable})
		}
		group := &p.Groups[g]
		row, ok := rows[result.ID]
		if !ok {
			row = len(group.Rows)
			rows[result.ID] = row
			group.Rows = append(group.Rows, htmlRow{Entry: oneLine(result.Entry), id: result.ID, Cells: make([]htmlCell, len(p.Columns))})
		}
		group.Rows[row].Cells[column] = htmlCell{
			htmlMark: markOf(result.Outcome, r.excused(result)),
			Anchor:   anchor(result), Series: oneLine(result.Series), Duration: length(result.DurationNS), ns: result.DurationNS,
		}
	}
	for i := range p.Groups {
		p.Groups[i].finish(p.Columns)
		p.RowCount += len(p.Groups[i].Rows)
	}
}

// finish adds what can be told only once all cells are there.
func (g *htmlGroup) finish(columns []htmlColumn) {
	passed, total := make([]int, len(columns)), make([]int, len(columns))
	for i := range g.Rows {
		row := &g.Rows[i]
		var longest int64
		outcomes, find := []string{}, []string{row.id}
		for c, cell := range row.Cells {
			if cell.Anchor == "" {
				continue
			}
			longest = max(longest, cell.ns)
			outcomes = append(outcomes, string(cell.Outcome))
			find = append(find, cell.Series)
			total[c]++
			if cell.Outcome.Green() {
				passed[c]++
			}
		}
		for c := range row.Cells {
			row.Cells[c].Bar = htmlBar{Class: row.Cells[c].Class, Percent: percent(row.Cells[c].ns, longest)}
			row.Cells[c].Series = columns[c].Series
		}
		row.Outcomes, row.Find = words(outcomes), strings.ToLower(strings.Join(find, " "))
	}
	for c := range columns {
		g.Counts = append(g.Counts, fraction(passed[c], total[c]))
	}
}

// anchor names a record within the page. Neither folders nor entries have dots.
func anchor(r Result) string {
	return oneLine(r.Series) + "." + strings.ReplaceAll(oneLine(r.ID), "/", ".")
}
