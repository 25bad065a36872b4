package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"namespaces-cgroups-ebpf/connsnoop"
)

// column is one of the table. Its width only grows: nothing is ever cut off,
// as two addresses that are cut look like one.
type column struct {
	title string
	width int
	right bool // numbers
	cell  func(connsnoop.Event) string
}

// table writes aligned rows while they come. It writes the header again when
// a column had to grow.
type table struct {
	columns []column
	current bool // the header fits what was last written
}

func newTable() *table {
	return &table{columns: []column{
		{"TIME", 12, false, func(e connsnoop.Event) string { return e.Wall(e.At()).Format("15:04:05.000") }},
		{"EVENT", 5, false, func(e connsnoop.Event) string { return eventNames[e.Kind] }},
		{"PID", 7, true, func(e connsnoop.Event) string { return orDash(e.Opener.PID) }},
		{"COMM", 15, false, func(e connsnoop.Event) string { return printable(e.Opener.Comm) }},
		{"DIR", 7, false, func(e connsnoop.Event) string { return string(e.Direction) }},
		{"LOCAL", 21, false, func(e connsnoop.Event) string { return e.Local.String() }},
		{"REMOTE", 21, false, func(e connsnoop.Event) string { return e.Remote.String() }},
		{"RESULT", 13, false, resultCell},
		{"TX_BYTES", 10, true, atEnd(func(e connsnoop.Event) any { return e.TxBytes })},
		{"RX_BYTES", 10, true, atEnd(func(e connsnoop.Event) any { return e.RxBytes })},
		{"DURATION", 11, true, atEnd(func(e connsnoop.Event) any { return e.Duration().Round(time.Microsecond) })},
	}}
}

// eventNames are short: most rows say "close".
var eventNames = map[connsnoop.Kind]string{
	connsnoop.KindOpen: "open", connsnoop.KindEstablished: "estab",
	connsnoop.KindFailed: "fail", connsnoop.KindClosed: "close",
}

// resultCell names the errno where the result does not say it.
func resultCell(e connsnoop.Event) string {
	switch {
	case e.Result == "":
		return "-"
	case e.Result == connsnoop.ResultError && e.Errno.Name() != "":
		return e.Errno.Name()
	case e.Result == connsnoop.ResultError:
		return fmt.Sprint("errno ", uint32(e.Errno))
	}
	return string(e.Result)
}

// atEnd is a cell that only the end of a connection fills.
func atEnd(value func(connsnoop.Event) any) func(connsnoop.Event) string {
	return func(e connsnoop.Event) string {
		if !e.Kind.End() {
			return "-"
		}
		return fmt.Sprint(value(e))
	}
}

func orDash(n uint32) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// printable keeps a process from writing to the terminal by its name.
func printable(text string) string {
	if text == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// write is a writer.
func (t *table) write(w io.Writer, e connsnoop.Event) error {
	cells := make([]string, len(t.columns))
	for i := range t.columns {
		cells[i] = t.columns[i].cell(e)
		if n := width(cells[i]); n > t.columns[i].width {
			t.columns[i].width, t.current = n, false
		}
	}
	rows := t.row(cells)
	if !t.current {
		rows = t.row(t.titles()) + rows
		t.current = true
	}
	if _, err := io.WriteString(w, rows); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

func (t *table) titles() []string {
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	return titles
}

func (t *table) row(cells []string) string {
	var b strings.Builder
	for i, c := range t.columns {
		padding := strings.Repeat(" ", c.width-width(cells[i]))
		if i > 0 {
			b.WriteByte(' ')
		}
		if c.right {
			b.WriteString(padding + cells[i])
		} else {
			b.WriteString(cells[i] + padding)
		}
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// width is the number of characters: no name here is in a script of double width.
func width(text string) int { return len([]rune(text)) }
