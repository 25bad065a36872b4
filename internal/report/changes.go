package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Changes is what is different between two reports.
type Changes struct {
	Broken  []Change // was green, is not
	Fixed   []Change // was not green, is
	Other   []Change // in another way, neither broken nor fixed
	Slower  []Change // passed both times
	Faster  []Change
	Added   []Change // Old is nil
	Removed []Change // New is nil
	Kernels []string // in words
}

// Change is one cell of the matrix in two reports.
type Change struct {
	Old, New *Result
}

// Ratio is how much longer the new one took.
func (c Change) Ratio() float64 { return float64(c.New.DurationNS) / float64(max(1, c.Old.DurationNS)) }

// Result is the new one, or the old one if it is gone.
func (c Change) Result() Result {
	if c.New != nil {
		return *c.New
	}
	return *c.Old
}

// String is "fail, was pass".
func (c Change) String() string {
	switch {
	case c.Old == nil:
		return string(c.New.Outcome) + ", is new"
	case c.New == nil:
		return "is gone, was " + string(c.Old.Outcome)
	case c.Old.Outcome == Pass && c.New.Outcome == Pass:
		return fmt.Sprintf("%s, was %s (%.2f times)", length(c.New.DurationNS), length(c.Old.DurationNS), c.Ratio())
	}
	return fmt.Sprintf("%s, was %s", c.New.Outcome, c.Old.Outcome)
}

// A change of duration counts from here on. Both must be met: short tests are
// all noise, and of long ones a second is nothing.
const (
	notableRatio = 1.5
	notableTime  = time.Second
)

// Compare tells what a newer report has changed.
func Compare(old, r Report) Changes {
	var c Changes
	before := map[[2]string]*Result{}
	for i := range old.Results {
		before[old.Results[i].cell()] = &old.Results[i]
	}
	for i := range r.Results {
		result := &r.Results[i]
		c.add(Change{before[result.cell()], result})
		delete(before, result.cell())
	}
	for i := range old.Results { // in their order
		if gone := before[old.Results[i].cell()]; gone != nil {
			c.Removed = append(c.Removed, Change{Old: gone})
		}
	}
	ratio := func(a, b Change) int { return cmp.Compare(b.Ratio(), a.Ratio()) }
	slices.SortStableFunc(c.Slower, ratio)
	slices.SortStableFunc(c.Faster, func(a, b Change) int { return ratio(b, a) })
	c.kernels(old, r)
	return c
}

func (r Result) cell() [2]string { return [2]string{r.Series, r.ID} }

func (c *Changes) add(change Change) {
	if change.Old == nil {
		c.Added = append(c.Added, change)
		return
	}
	old, now := change.Old.Outcome, change.New.Outcome
	switch {
	case old.Green() && !now.Green():
		c.Broken = append(c.Broken, change)
	case !old.Green() && now.Green():
		c.Fixed = append(c.Fixed, change)
	case old != now:
		c.Other = append(c.Other, change)
	case now == Pass && notable(change.Old.DurationNS, change.New.DurationNS):
		c.Slower = append(c.Slower, change)
	case now == Pass && notable(change.New.DurationNS, change.Old.DurationNS):
		c.Faster = append(c.Faster, change)
	}
}

func notable(short, long int64) bool {
	return long-short >= notableTime.Nanoseconds() && float64(long) >= notableRatio*float64(short)
}

func (c *Changes) kernels(old, r Report) {
	releases := map[string]string{}
	for _, k := range old.Kernels {
		releases[k.Series] = nameOf(k)
	}
	for _, k := range r.Kernels {
		was, ok := releases[k.Series]
		switch {
		case !ok:
			c.Kernels = append(c.Kernels, nameOf(k)+" is new")
		case was != nameOf(k):
			c.Kernels = append(c.Kernels, fmt.Sprintf("%s: %s, was %s", k.Series, nameOf(k), was))
		}
		delete(releases, k.Series)
	}
	for _, k := range old.Kernels {
		if was, ok := releases[k.Series]; ok {
			c.Kernels = append(c.Kernels, was+" is gone")
		}
	}
}

// ChangeGroup is one kind of change, for renderings.
type ChangeGroup struct {
	Title   string
	Changes []Change
}

// Groups lists the kinds that there are, the worst first.
func (c Changes) Groups() []ChangeGroup {
	var groups []ChangeGroup
	for _, g := range []ChangeGroup{
		{"Newly red", c.Broken}, {"Fixed", c.Fixed}, {"Ended differently", c.Other}, {"Slower", c.Slower},
		{"Faster", c.Faster}, {"Added", c.Added}, {"Removed", c.Removed},
	} {
		if len(g.Changes) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}
