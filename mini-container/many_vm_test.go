//go:build vmtest && linux

package minicontainer_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// eachTakes is the memory of a live container, in bytes, with its
	// supervisor and a command that is a Go program: 14 MB measured on Linux
	// 6.12.
	eachTakes = 16 << 20
	// supervisorTakes is what a supervisor may take at most, in KiB.
	supervisorTakes = 12 << 10
)

// TestManyAtOnce starts containers in parallel on one bridge.
func TestManyAtOnce(t *testing.T) { manyAtOnce(t, 20, 20) }

// TestTwoHundredAtOnce has two hundred live at the same time: its plan asks for
// a guest of 4 GB. In a smaller one it takes lots of as many as memory holds,
// and says so.
// Eight are being set up at a time: an emulated processor with all of them at
// once stalls.
func TestTwoHundredAtOnce(t *testing.T) {
	atOnce := min(200, availableMemory(t)/eachTakes)
	require.GreaterOrEqual(t, atOnce, 40, "too little memory to be many")
	for left := 200; left > 0; left -= atOnce {
		manyAtOnce(t, min(left, atOnce), 8)
	}
}

func availableMemory(t *testing.T) int {
	t.Helper()
	for _, line := range readLines("/proc/meminfo") {
		var kilobytes int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	require.Fail(t, "no MemAvailable")
	return 0
}

// manyAtOnce starts n containers, so many of them at a time, and lets them end
// when all are there.
func manyAtOnce(t *testing.T, n, atATime int) {
	b := newBench(t, 0)
	before := takeNetwork(t)
	all := make([]*liveOne, n)
	for i := range all {
		report := fmt.Sprintf("%s/report-%d.json", b.base, i)
		all[i] = &liveOne{cmd: b.prepare(t, "wait", "--network", "bridge", "--nat", "--memory", "64M", "--report", report), report: report}
		t.Cleanup(all[i].kill)
	}
	free := availableMemory(t)
	inParallel(all, atATime, (*liveOne).start)
	cgroups, err := filepath.Glob(hierarchy + "/mini-container/*/cgroup.procs")
	require.NoError(t, err)
	during := takeNetwork(t)
	requireSmall(t, all, free)
	inParallel(all, atATime, (*liveOne).end)

	addresses := map[string]bool{}
	for _, one := range all {
		require.NoError(t, one.err, "%v", one.cmd.Stderr)
		addresses[readReport(t, one.report).Network.Address] = true
	}
	require.Len(t, addresses, n, "an address was given twice")
	require.Len(t, cgroups, n, "not all lived at the same time")
	require.Len(t, during.links, len(before.links)+1+n, "a veth for each, and the bridge")
	require.NoDirExists(t, hierarchy+"/mini-container")
	requireNetworkBack(t, before)
}

// requireSmall holds the supervisors to what they may take.
func requireSmall(t *testing.T, all []*liveOne, freeBefore int) {
	t.Helper()
	var most, private int64
	for _, one := range all {
		require.NoError(t, one.err, "%v", one.cmd.Stderr)
		status := fmt.Sprintf("/proc/%d/status", one.cmd.Process.Pid)
		most, private = max(most, fieldKB(status, "VmHWM:")), private+fieldKB(status, "RssAnon:")
	}
	t.Logf("%d live at once: %d KiB for each with its command; supervisors have at most %d KiB, of which %d KiB are their own",
		len(all), (freeBefore-availableMemory(t))/len(all)>>10, most, private/int64(len(all)))
	require.Positive(t, most)
	require.LessOrEqual(t, most, int64(supervisorTakes), "KiB of a supervisor")
}

// inParallel does it for all, so many at a time.
func inParallel(all []*liveOne, atATime int, do func(*liveOne)) {
	var running sync.WaitGroup
	slots := make(chan bool, atATime)
	for _, one := range all {
		slots <- true
		running.Go(func() { do(one); <-slots })
	}
	running.Wait()
}

// liveOne is a container that lives until all others are there.
type liveOne struct {
	cmd    *exec.Cmd
	report string
	stdin  *os.File
	err    error
}

// start returns when the command runs. There is no deadline but the test's.
func (l *liveOne) start() {
	inside, stdin, err := os.Pipe()
	if err != nil {
		l.err = err
		return
	}
	defer inside.Close()
	l.stdin, l.cmd.Stdin = stdin, inside
	stdout, err := l.cmd.StdoutPipe()
	if err == nil {
		err = l.cmd.Start()
	}
	if err != nil {
		l.err = err
		return
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "ready\n" {
		l.err = fmt.Errorf("it said %q: %w", line, err)
		return
	}
	go io.Copy(io.Discard, stdout)
}

func (l *liveOne) end() {
	if l.stdin != nil {
		l.stdin.Close()
	}
	if l.cmd.Process != nil {
		if err := l.cmd.Wait(); l.err == nil {
			l.err = err
		}
	}
}

func (l *liveOne) kill() {
	if l.cmd.Process != nil {
		l.cmd.Process.Kill()
	}
}
