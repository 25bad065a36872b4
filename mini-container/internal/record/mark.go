package record

import "strings"

// A mark is a write(2) to descriptor -1, which does nothing anywhere but can be
// seen by whoever traces.
const (
	markBegin = "mini-container step "
	markUndo  = "mini-container undo "
	markExec  = "mini-container exec"
)

// BeginMark is what a program writes where a step begins.
func BeginMark(step string) string { return markBegin + step }

// UndoMark is what it writes where a step is taken back.
func UndoMark(step string) string { return markUndo + step }

// ExecMark is what it writes right before it becomes somebody else's program.
func ExecMark() string { return markExec }

// place is where in the program a process is.
type place struct {
	step string
	undo bool
	last bool // the next exec is somebody else's program
}

// follow reads a mark; false if it is none.
func (p *place) follow(text string) bool {
	if step, ok := strings.CutPrefix(text, markBegin); ok {
		*p = place{step: step}
		return true
	}
	if step, ok := strings.CutPrefix(text, markUndo); ok {
		*p = place{step: step, undo: true}
		return true
	}
	if text == markExec {
		*p = place{step: "exec", last: true}
		return true
	}
	return false
}
