package multitenantcgroups

import (
	"sync"
	"time"
)

// sentinelSleep is how long the sentinel sleeps at a time.
const sentinelSleep = 5 * time.Millisecond

// sentinel measures how late a short sleep returns: what keeps it from running
// (a busy host under a virtual machine, above all) also spoils measurements.
type sentinel struct {
	stop  chan struct{}
	done  sync.WaitGroup
	worst time.Duration
}

func startSentinel() *sentinel {
	s := &sentinel{stop: make(chan struct{})}
	s.done.Go(s.run)
	return s
}

func (s *sentinel) run() {
	for {
		before := time.Now()
		select {
		case <-s.stop:
			return
		case <-time.After(sentinelSleep):
			s.worst = max(s.worst, time.Since(before)-sentinelSleep)
		}
	}
}

// end stops the sentinel and returns the worst lateness.
func (s *sentinel) end() time.Duration {
	close(s.stop)
	s.done.Wait()
	return s.worst
}
