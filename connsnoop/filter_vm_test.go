//go:build vmtest && linux

package connsnoop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// filtering is a filter of the command line, and what it lets pass by the
// truth.
type filtering struct {
	name, flag, value string
	early             bool // what it keeps out is not even followed
	passes            func(w truth) bool
}

// filterParts are what the filters have to tell apart.
var filterParts = []string{"ipv4", "ipv6", "v4-mapped", "refused-blocking", "reset-by-peer", "netns-1", "two-addresses"}

// TestFilters shows for each filter that the kernel submits the records that
// it lets pass, and no others.
func TestFilters(t *testing.T) {
	random := seeded(t)
	casts := map[string]*cast{}
	for _, name := range filterParts {
		p, ok := scenarioNamed(name)
		require.True(t, ok)
		p.wait = true
		casts[name] = startActor(t, random, p)
		casts[name].awaitPause(t)
	}
	list := filteringsFor(t, casts)
	tracers := make([]*tracer, len(list))
	for i, f := range list {
		args := []string{}
		if f.flag != "" {
			args = []string{f.flag, f.value}
		}
		tracers[i] = startTracer(t, f.name+".jsonl", args...)
	}
	var truths []truth
	for _, name := range filterParts {
		ends, err := casts[name].finish()
		require.NoError(t, err)
		truths = append(truths, ends...)
	}
	for i, f := range list {
		t.Run(f.name, func(t *testing.T) { requireFiltered(t, f, tracers[i], truths) })
	}
}

// requireFiltered compares the number that the kernel submitted, and what was
// written, with the truth.
func requireFiltered(t *testing.T, f filtering, tr *tracer, truths []truth) {
	events, stats := tr.interrupt(t, syscall.SIGTERM)
	var want, got []string
	for _, w := range truths {
		if f.passes(w) {
			want = append(want, fmt.Sprintln(w.Netns, w.Direction, w.Local, w.Remote))
		}
	}
	for _, e := range events {
		got = append(got, fmt.Sprintln(e.Netns, e.Direction,
			hostPort(e.LocalAddr, e.LocalPort), hostPort(e.RemoteAddr, e.RemotePort)))
	}
	require.ElementsMatch(t, want, got)
	require.Equal(t, len(want), int(stats["submitted"]), "submitted in the kernel")
	requireKeptOut(t, f, stats, len(truths)-len(want))
	if f.flag != "" {
		require.Less(t, len(want), len(truths), "%s %s keeps nothing out", f.flag, f.value)
		require.NotEmpty(t, want, "%s %s keeps everything out", f.flag, f.value)
	}
}

// requireKeptOut compares the counters of what the kernel did not submit.
func requireKeptOut(t *testing.T, f filtering, stats map[string]uint64, n int) {
	counter := "filtered"
	if f.early {
		counter = "ignored"
	}
	require.Equal(t, n, int(stats[counter]), "%s in the kernel", counter)
}

// filteringsFor are all filters with values that some of the actors have.
func filteringsFor(t *testing.T, casts map[string]*cast) []filtering {
	one, six, contained := casts["ipv4"], casts["ipv6"], casts["v4-mapped"]
	pid := one.cmd.Process.Pid
	netns, err := os.Stat(fmt.Sprintf("/proc/%d/ns/net", pid))
	require.NoError(t, err)
	inode := netns.Sys().(*syscall.Stat_t).Ino
	container := strings.TrimPrefix(filepath.Base(contained.group), "mini-container-")
	other := loopback["other"]
	return []filtering{
		{"all", "", "", false, func(truth) bool { return true }},
		{"pid", "--pid", itoa(pid), true, func(w truth) bool { return w.Opener.PID == pid }},
		{"uid", "--uid", itoa(six.UID), true, func(w truth) bool { return w.Opener.UID == six.UID }},
		{"comm", "--comm", one.Comm, true, func(w truth) bool { return w.Opener.Comm == one.Comm }},
		{"port", "--port", "7777", false, func(w truth) bool { return w.Local.Port() == 7777 || w.Remote.Port() == 7777 }},
		{"cidr", "--cidr", "::1/128", false, func(w truth) bool { return w.Remote.Addr().Is6() }},
		{"cidr-ipv4", "--cidr", "127.0.0.0/8", false, func(w truth) bool { return w.Remote.Addr().Is4() }},
		{"cidr-one-side", "--cidr", "127.0.0.2/32", false, func(w truth) bool {
			return w.Local.Addr() == other || w.Remote.Addr() == other
		}},
		{"family", "--family", "ipv6", true, func(w truth) bool { return w.Remote.Addr().Is6() }},
		{"direction", "--direction", "accept", true, func(w truth) bool { return w.Direction == "accept" }},
		{"result", "--result", "refused", false, func(w truth) bool { return w.Result == "refused" }},
		{"cgroup", "--cgroup", one.group, true, func(w truth) bool { return w.Opener.PID == pid }},
		{"container", "--container", container, true, func(w truth) bool { return w.Opener.PID == contained.cmd.Process.Pid }},
		{"netns-inode", "--netns", fmt.Sprint(inode), true, func(w truth) bool { return w.Netns == inode }},
		{"netns-path", "--netns", fmt.Sprintf("/proc/%d/ns/net", pid), true, func(w truth) bool { return w.Netns == inode }},
	}
}
