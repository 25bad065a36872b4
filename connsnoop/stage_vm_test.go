//go:build vmtest && linux

package connsnoop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// cast is an actor's process, seen from the test.
type cast struct {
	casting
	part   part
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    *json.Decoder
	stderr bytes.Buffer
	group  string
}

// startActor starts a process for the part, in a cgroup of its own that has a
// random name, which makes it a container of mini-container.
func startActor(t testing.TB, random *rand.Rand, p part) *cast {
	c := &cast{part: p, group: "/sys/fs/cgroup/mini-container-" + randomName(random)}
	require.NoError(t, os.Mkdir(c.group, 0o755))
	group, err := os.Open(c.group)
	require.NoError(t, err)
	defer group.Close()
	c.casting = casting{Scenario: p.name, Comm: randomName(random), Seed: random.Uint64(), Wait: p.wait}
	if !p.root {
		c.casting.UID = 1000 + random.IntN(60000)
	}
	text, err := json.Marshal(c.casting)
	require.NoError(t, err)
	c.cmd = exec.CommandContext(t.Context(), "/proc/self/exe")
	c.cmd.Env = append(os.Environ(), actorEnv+"="+string(text))
	c.cmd.Stderr = &c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		UseCgroupFD: true, CgroupFD: int(group.Fd()),
	}
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.out = json.NewDecoder(stdout)
	require.NoError(t, c.cmd.Start())
	return c
}

// awaitPause waits until an early actor has made its connections, or one that
// waits is ready to.
func (c *cast) awaitPause(t testing.TB) {
	var none []truth
	require.NoError(t, c.out.Decode(&none), "%s: %s", c.part.name, &c.stderr)
	require.Empty(t, none)
}

// finish waits for the actor's truths and its end, and removes its cgroup at
// once: long before a tracer looks at what it has recorded.
func (c *cast) finish() (truths []truth, err error) {
	_, _ = io.WriteString(c.stdin, "go on\n")
	err = c.out.Decode(&truths)
	_ = c.stdin.Close()
	if exit := c.cmd.Wait(); exit != nil || err != nil {
		return nil, fmt.Errorf("%s: %w, %w: %s", c.part.name, exit, err, &c.stderr)
	}
	return truths, os.Remove(c.group)
}

// onStage has this many actors at once: there are two CPUs.
const onStage = 4

// perform plays parts, a few at a time, and calls start when those that are
// early wait for it.
func perform(t testing.TB, random *rand.Rand, list []part, start func()) map[string][]truth {
	var waiting []*cast
	for _, p := range list {
		if p.early {
			c := startActor(t, random, p)
			c.awaitPause(t)
			waiting = append(waiting, c)
		}
	}
	start()
	s := stage{truths: map[string][]truth{}, done: make(chan error)}
	for _, c := range waiting {
		s.play(t, c)
	}
	for _, p := range list {
		if !p.early && !p.alone {
			s.play(t, startActor(t, random, p))
		}
	}
	s.clear(t)
	for _, p := range list {
		if p.alone {
			s.play(t, startActor(t, random, p))
			s.clear(t)
		}
	}
	return s.truths
}

// stage is where actors play at the same time.
type stage struct {
	mutex  sync.Mutex
	truths map[string][]truth
	busy   int
	done   chan error
}

func (s *stage) play(t testing.TB, c *cast) {
	if s.busy == onStage {
		s.await(t)
	}
	s.busy++
	go func() {
		truths, err := c.finish()
		s.mutex.Lock()
		s.truths[c.part.name] = truths
		t.Logf("%s played at %v", c.part.name, time.Duration(monotonic()))
		s.mutex.Unlock()
		s.done <- err
	}()
}

// clear waits for all.
func (s *stage) clear(t testing.TB) {
	for s.busy > 0 {
		s.await(t)
	}
}

func (s *stage) await(t testing.TB) {
	s.busy--
	require.NoError(t, <-s.done)
}

// playable are the parts that the running kernel has all features for.
func playable(t testing.TB, list []part) (can []part) {
	release, err := kernel.Release()
	require.NoError(t, err)
	for _, p := range list {
		if p.needs == "" || kernel.Check(p.needs, release) == nil {
			can = append(can, p)
		}
	}
	return can
}
