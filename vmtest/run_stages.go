package vmtest

import (
	"sync"
	"time"

	"namespaces-cgroups-ebpf/internal/report"
)

// stageTimes adds up where the time of a run goes. Several VMs are in a stage
// at once.
type stageTimes struct {
	mu     sync.Mutex
	stages []*stageTime // in the order they were first entered
}

type stageTime struct {
	name        string
	first, last time.Time
	busy        time.Duration
	inside      int
	entered     time.Time     // when inside became 1
	occupied    time.Duration // with somebody inside
}

// enter begins a stage and returns what ends it.
func (s *stageTimes) enter(name Stage) func() time.Duration {
	began := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.find(string(name))
	if t.inside++; t.inside == 1 {
		t.entered = began
	}
	return func() time.Duration {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.last = time.Now()
		if t.inside--; t.inside == 0 {
			t.occupied += t.last.Sub(t.entered)
		}
		t.busy += t.last.Sub(began)
		return t.last.Sub(began)
	}
}

func (s *stageTimes) find(name string) *stageTime {
	for _, t := range s.stages {
		if t.name == name {
			return t
		}
	}
	t := &stageTime{name: name, first: time.Now()}
	t.last = t.first
	s.stages = append(s.stages, t)
	return t
}

// spent adds time that is known only afterwards, and has just ended.
func (s *stageTimes) spent(name Stage, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.find(string(name))
	if begin := time.Now().Add(-took); begin.Before(t.first) {
		t.first = begin
	}
	t.last = time.Now()
	t.busy += took
}

// report lists the stages as the report has them.
func (s *stageTimes) report() []report.Stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []report.Stage
	for _, t := range s.stages {
		all = append(all, report.Stage{Name: t.name, WallNS: t.last.Sub(t.first).Nanoseconds(), BusyNS: t.busy.Nanoseconds()})
	}
	return all
}

// occupied is how long somebody was in a stage.
func (s *stageTimes) occupied(name Stage) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.find(string(name))
	if t.inside > 0 {
		return t.occupied + time.Since(t.entered)
	}
	return t.occupied
}
