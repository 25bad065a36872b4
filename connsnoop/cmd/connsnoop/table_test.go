package main

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

var update = flag.Bool("update", false, "rewrite golden files")

// someEvents are one of each kind, and what a terminal must survive.
func someEvents() []connsnoop.Event {
	base := connsnoop.Event{
		Kind: connsnoop.KindClosed, Direction: connsnoop.Connect, Result: connsnoop.ResultOK,
		Opener: connsnoop.Identity{PID: 204, Comm: "curl"},
		Local:  netip.MustParseAddrPort("127.0.0.1:59062"), Remote: netip.MustParseAddrPort("127.0.0.1:8080"),
		Opened: time.Second, Established: 1001 * time.Millisecond, Closed: 2500*time.Millisecond + 400,
		TxBytes: 81, RxBytes: 100191,
	}
	changes := []func(*connsnoop.Event){
		func(e *connsnoop.Event) { e.Kind, e.Result = connsnoop.KindOpen, "" },
		func(e *connsnoop.Event) { e.Kind, e.Result = connsnoop.KindEstablished, "" },
		func(*connsnoop.Event) {},
		func(e *connsnoop.Event) { e.Direction, e.Opener.Comm = connsnoop.Accept, "fifteen-letters" },
		func(e *connsnoop.Event) {
			e.Kind, e.Result, e.Errno = connsnoop.KindFailed, connsnoop.ResultRefused, 111
		},
		func(e *connsnoop.Event) { e.Kind, e.Result, e.Errno = connsnoop.KindFailed, connsnoop.ResultError, 99 },
		func(e *connsnoop.Event) { e.Kind, e.Result, e.Errno = connsnoop.KindFailed, connsnoop.ResultError, 77 },
		func(e *connsnoop.Event) {
			e.Remote = netip.MustParseAddrPort("[2001:db8:1111:2222:3333:4444:5555:6666]:443")
		},
		func(e *connsnoop.Event) { e.Remote = netip.MustParseAddrPort("[2001:db8::7]:443") },
		func(e *connsnoop.Event) { e.Opener = connsnoop.Identity{} },
		func(e *connsnoop.Event) { e.Opener.Comm = "\x1b[31mred\x07" },
		func(e *connsnoop.Event) { e.Opener.Comm = "größe" },
		func(e *connsnoop.Event) { e.TxBytes = 18446744073709551615 },
	}
	events := make([]connsnoop.Event, len(changes))
	for i, change := range changes {
		events[i] = base
		change(&events[i])
	}
	return events
}

// TestTable shows what people see.
func TestTable(t *testing.T) {
	var got bytes.Buffer
	tab := newTable()
	for _, e := range someEvents() {
		require.NoError(t, tab.write(&got, e))
	}
	const golden = "testdata/table.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
	require.NotContains(t, got.String(), "\x1b")
}

// TestTableCutsNothing: each address stands in the table as it is, and every
// row below a header is aligned with it.
func TestTableCutsNothing(t *testing.T) {
	var out bytes.Buffer
	tab := newTable()
	for _, e := range someEvents() {
		out.Reset()
		require.NoError(t, tab.write(&out, e))
		require.Contains(t, out.String(), " "+e.Local.String()+" ")
		require.Contains(t, out.String(), " "+e.Remote.String()+" ")
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		row := []rune(lines[len(lines)-1])
		titles := []rune(tab.row(tab.titles()))
		require.Equal(t, strings.Index(string(titles), "REMOTE"), indexRune(row, e.Remote.String()))
	}
}

func indexRune(row []rune, text string) int {
	return len([]rune(string(row)[:strings.LastIndex(string(row), text)]))
}
