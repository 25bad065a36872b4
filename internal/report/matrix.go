package report

import (
	"fmt"
	"time"
)

// Matrix is kernels by deliverables, each cell the sum of its results.
type Matrix struct {
	Deliverables []string
	Rows         []Row
}

// Row is one kernel.
type Row struct {
	Kernel string // release, or the series where there is none
	Cells  []Cell // one per deliverable
}

// Cell sums up the results of one deliverable on one kernel.
type Cell struct {
	Outcome  Outcome // the worst one
	Passed   int
	Total    int
	Duration time.Duration
}

// String is short enough for a table: "pass 3/3 12s".
func (c Cell) String() string {
	if c.Total == 0 {
		return "-"
	}
	return fmt.Sprintf("%s %d/%d %ds", c.Outcome, c.Passed, c.Total, int(c.Duration.Round(time.Second).Seconds()))
}

// NewMatrix arranges the results in the order in which they appear.
func NewMatrix(r Report) Matrix {
	var m Matrix
	columns := map[string]int{}
	for _, result := range r.Results {
		if _, ok := columns[result.Deliverable]; !ok {
			columns[result.Deliverable] = len(m.Deliverables)
			m.Deliverables = append(m.Deliverables, result.Deliverable)
		}
	}
	rows := map[string]int{}
	for _, k := range r.Kernels {
		rows[k.Series] = len(m.Rows)
		m.Rows = append(m.Rows, Row{Kernel: nameOf(k), Cells: make([]Cell, len(m.Deliverables))})
	}
	for _, result := range r.Results {
		if i, ok := rows[result.Series]; ok {
			m.Rows[i].Cells[columns[result.Deliverable]].add(result)
		}
	}
	return m
}

func nameOf(k Kernel) string {
	if k.Release != "" {
		return k.Release
	}
	return k.Series
}

func (c *Cell) add(r Result) {
	if c.Total == 0 || severity(r.Outcome) > severity(c.Outcome) {
		c.Outcome = r.Outcome
	}
	c.Total++
	if r.Outcome.Green() {
		c.Passed++
	}
	c.Duration += time.Duration(r.DurationNS)
}

// severity orders outcomes for summing up: a pass beside a skip is a pass,
// and what the tested code did weighs more than what we did.
func severity(o Outcome) int {
	order := []Outcome{Skip, Pass, Inconclusive, Unavailable, Infra, Lost, Timeout, Splat, Panic, Fail}
	for i, other := range order {
		if o == other {
			return i
		}
	}
	return len(order)
}
