package report

import "fmt"

type htmlChanges struct {
	Kernels []string
	Groups  []htmlChangeGroup
}

type htmlChangeGroup struct {
	Title   string
	Count   int
	More    int
	Open    bool
	Changes []htmlChange
}

type htmlChange struct{ ID, Series, Anchor, Text, Class string }

// maxOpenChanges is how many changes of a kind are open from the start.
const maxOpenChanges = 12

func newHTMLChanges(c Changes) *htmlChanges {
	h := &htmlChanges{}
	for _, k := range c.Kernels {
		h.Kernels = append(h.Kernels, oneLine(k))
	}
	for _, g := range c.Groups() {
		group := htmlChangeGroup{Title: g.Title, Count: len(g.Changes), More: max(0, len(g.Changes)-maxChanges), Open: len(g.Changes) <= maxOpenChanges}
		for _, change := range g.Changes[:len(g.Changes)-group.More] {
			r := change.Result()
			line := htmlChange{ID: oneLine(r.ID), Series: oneLine(r.Series), Text: change.String(), Class: "mute"}
			if change.New != nil {
				line.Anchor = anchor(r)
			}
			if change.Old == nil || change.New != nil && change.New.Outcome != change.Old.Outcome {
				line.Class = class(r.Outcome, false)
			}
			group.Changes = append(group.Changes, line)
		}
		h.Groups = append(h.Groups, group)
	}
	return h
}

// fraction is "7 of 9", or nothing where nothing was planned.
func fraction(part, whole int) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d", part, whole)
}
