package minicontainer

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/record"
)

func TestWalk(t *testing.T) {
	broken := errors.New("broken")
	var did []string
	does := func(what string, err error) func(*int) error {
		return func(*int) error { did = append(did, what); return err }
	}
	steps := []step[*int]{
		{Step: Step{Name: "one"}, run: does("one", nil), undo: does("undo one", broken)},
		{Step: Step{Name: "never"}, when: func(*int) bool { return false }, run: does("never", nil), undo: does("undo never", nil)},
		{Step: Step{Name: "two"}, run: does("two", broken), undo: does("undo two", nil)},
		{Step: Step{Name: "three"}, run: does("three", nil), undo: does("undo three", nil)},
	}
	var noted, marked []string
	undo, err := walk(steps, new(int), func(m string) { marked = append(marked, m) }, func(s StepTiming) { noted = append(noted, s.Step) })
	require.EqualError(t, err, "broken")
	var at *stepFailed
	require.ErrorAs(t, err, &at)
	require.Equal(t, "two", at.step)
	require.Equal(t, []string{"one", "two"}, noted, "the failed step is timed too")
	require.EqualError(t, undo(), "undo one: broken")
	require.Equal(t, []string{"one", "two", "undo two", "undo one"}, did)
	require.Equal(t, []string{record.BeginMark("one"), record.BeginMark("two"), record.UndoMark("two"), record.UndoMark("one")}, marked)
}
