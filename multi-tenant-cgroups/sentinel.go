package multitenantcgroups

import (
	"sync"
	"time"
)

const (
	// sentinelSleep is how long the sentinel sleeps at a time.
	sentinelSleep = 5 * time.Millisecond
	// usualLateness is no noise yet: timers are that late on a quiet machine
	// under emulation.
	usualLateness = 10 * time.Millisecond
)

// sentinel measures how late a short sleep returns: what keeps it from running
// (a busy host under a virtual machine, above all) also spoils measurements.
type sentinel struct {
	stop   chan struct{}
	done   sync.WaitGroup
	lock   sync.Mutex
	seen   stalls
	asleep time.Time // since when
}

// stalls is how late the sleeps of a sentinel were.
type stalls struct {
	worst time.Duration // the worst of them
	total time.Duration // all those later than usual
}

func (s *stalls) add(late time.Duration) {
	s.worst = max(s.worst, late)
	if late > usualLateness {
		s.total += late
	}
}

func (s stalls) noise() Noise {
	return Noise{MaxGapNS: s.worst.Nanoseconds(), LateNS: s.total.Nanoseconds()}
}

func startSentinel() *sentinel {
	s := &sentinel{stop: make(chan struct{}), asleep: time.Now()}
	s.done.Go(s.run)
	return s
}

func (s *sentinel) run() {
	for {
		select {
		case <-s.stop:
			return
		case <-time.After(sentinelSleep):
			s.wake()
		}
	}
}

func (s *sentinel) wake() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.seen.add(time.Since(s.asleep) - sentinelSleep)
	s.asleep = time.Now()
}

// soFar returns what the sentinel saw until now, the sleep that it has not
// woken from included: others may wake first after a stall.
func (s *sentinel) soFar() stalls {
	s.lock.Lock()
	defer s.lock.Unlock()
	seen := s.seen
	seen.add(time.Since(s.asleep) - sentinelSleep)
	return seen
}

// end stops the sentinel and returns what it saw.
func (s *sentinel) end() stalls {
	close(s.stop)
	s.done.Wait()
	return s.soFar()
}
