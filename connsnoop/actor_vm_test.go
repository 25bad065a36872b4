//go:build vmtest && linux

package connsnoop_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// actor is the process of a scenario, seen from inside. It makes real sockets
// in a network and a PID namespace of its own, and says what it did with them.
type actor struct {
	casting
	random         *rand.Rand
	client, server *thread
	in             *bufio.Reader
	out            *json.Encoder
	mutex          sync.Mutex
	ends           []*end
}

// casting is what the test tells an actor.
type casting struct {
	Scenario string
	Comm     string
	UID      int
	Seed     uint64
	Wait     bool // for the test's word, before it opens anything
}

// actorEnv holds the casting, as JSON.
const actorEnv = "CONNSNOOP_ACTOR"

// runActor is main of an actor: it plays the scenario and prints its ends.
func runActor(text string) error {
	a := &actor{in: bufio.NewReader(os.Stdin), out: json.NewEncoder(os.Stdout)}
	if err := json.Unmarshal([]byte(text), &a.casting); err != nil {
		return fmt.Errorf("read casting: %w", err)
	}
	a.random = rand.New(rand.NewPCG(a.Seed, a.Seed))
	if err := a.dress(); err != nil {
		return err
	}
	done := make(chan error)
	go func() { done <- a.play() }()
	return <-done
}

func (a *actor) play() error {
	a.client, a.server = startThread("not-me"), startThread("nor-me")
	part, ok := scenarioNamed(a.Scenario)
	if !ok {
		return fmt.Errorf("no scenario %q", a.Scenario)
	}
	if a.Wait {
		if err := a.pause(); err != nil {
			return err
		}
	}
	if err := part.play(a); err != nil {
		return fmt.Errorf("play %s: %w", a.Scenario, err)
	}
	if err := a.settle(); err != nil {
		return err
	}
	return a.out.Encode(a.truths())
}

// settle waits until the namespace has no connection that is alive, which is
// then an upper bound of each end; and asks it for its retransmissions.
func (a *actor) settle() error {
	for until := monotonic() + patience.Nanoseconds(); ; nap() {
		alive, err := countAlive()
		if err != nil {
			return err
		}
		if alive == 0 {
			break
		}
		if monotonic() > until {
			return fmt.Errorf("%d connections do not end", alive)
		}
	}
	segments, err := retransmitted()
	now := monotonic()
	for _, e := range a.ends {
		e.MostRetransmits = segments
		if e.Closed.Until == 0 {
			e.Closed.Until = now
		}
	}
	return err
}

// dress gives the actor its name and user.
func (a *actor) dress() error {
	if err := os.WriteFile("/proc/self/comm", []byte(a.Comm), 0); err != nil {
		return fmt.Errorf("set name: %w", err)
	}
	if err := linkUp("lo", true); err != nil {
		return err
	}
	if a.UID == 0 {
		return nil
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(a.UID), syscall.Setuid(a.UID)); err != nil {
		return fmt.Errorf("become user %d: %w", a.UID, err)
	}
	// so that /proc/self is this user's
	return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
}

// truths are the ends that the actor had, in order of their opening.
func (a *actor) truths() []truth {
	list := make([]truth, len(a.ends))
	for i, e := range a.ends {
		list[i] = e.truth
	}
	return list
}

// pause tells the test that this point is reached, and waits for its word.
func (a *actor) pause() error {
	if err := a.out.Encode([]truth(nil)); err != nil {
		return err
	}
	_, err := a.in.ReadString('\n')
	return err
}

// linkUp brings a network device of this namespace up or down.
func linkUp(name string, up bool) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if up {
		request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("set flags of %s: %w", name, err)
	}
	_, err = net.InterfaceByName(name)
	return err
}

// thread runs functions one after the other in a thread of its own, whose
// name and number no record may confuse with the process's.
type thread struct {
	work chan func()
}

func startThread(name string) *thread {
	t := &thread{make(chan func())}
	go func() {
		runtime.LockOSThread()
		_ = os.WriteFile("/proc/thread-self/comm", []byte(name), 0)
		for f := range t.work {
			f()
		}
	}()
	return t
}

func (t *thread) do(f func() error) (err error) {
	done := make(chan struct{})
	t.work <- func() {
		defer close(done)
		err = f()
	}
	<-done
	return err
}
