package bpftour

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/bpf-tour/internal/bpfjson"
)

// maxStderr bounds what is kept of bpftrace's standard error.
const maxStderr = 16 << 10

// session is one run of bpftrace, from its start to its end.
type session struct {
	o        Options
	c        *collector
	process  *process
	started  time.Time
	attached time.Time // zero until all probes are attached
	ended    time.Time // zero until the end of tracing was asked for
	notified bool
	stderr   strings.Builder
	failure  error            // why we have killed bpftrace
	deadline <-chan time.Time // attach timeout, then time box, then grace
}

func newSession(o Options, c *collector) *session {
	return &session{o: o, c: c, started: time.Now(), deadline: time.After(o.AttachTimeout)}
}

// run reads bpftrace's output to its end, and drives it there.
func (s *session) run(ctx context.Context) (*Result, error) {
	stop, done := s.o.Stop, ctx.Done()
	for {
		select {
		case line, ok := <-s.process.lines:
			if !ok {
				return s.finish(<-s.process.exit)
			}
			s.line(line)
		case <-s.deadline:
			s.timeout()
		case <-stop:
			stop = nil
			s.stop()
		case <-done:
			done = nil
			s.abort(ctx.Err())
		}
	}
}

func (s *session) line(line outLine) {
	kind := bpfjson.Kind("")
	switch text := string(line.text); {
	case !line.stderr:
		kind = s.c.line(line.text)
	case strings.TrimSpace(text) == "__BPFTRACE_NOTIFY_PROBES_ATTACHED":
		kind = bpfjson.Attached // up to 0.17 it comes on standard error
	default:
		s.said(stripANSI(text))
	}
	s.notified = s.notified || kind == bpfjson.Attached
	// The count comes before the notification up to 0.23; wait for both.
	if s.notified && s.attached.IsZero() && s.c.result.ProbesCount > 0 {
		s.attached = time.Now()
		s.deadline = time.After(s.o.Duration)
		s.o.Ready(s.c.result.ProbesCount)
	}
}

// said keeps a line of standard error.
func (s *session) said(text string) {
	if s.stderr.Len()+len(text) < maxStderr {
		s.stderr.WriteString(text + "\n")
	}
	// A limit on locked memory that could not be raised reads ERROR, but ends nothing.
	if !s.attached.IsZero() || strings.Contains(text, "WARNING") || strings.Contains(text, "ERROR") {
		s.c.warn(strings.TrimSpace(text))
	}
}

func (s *session) timeout() {
	switch {
	case s.attached.IsZero():
		s.abort(fmt.Errorf("bpftrace has not attached its probes within %s", s.o.AttachTimeout))
	case s.ended.IsZero():
		s.end(EndedByDuration)
	default:
		s.abort(fmt.Errorf("bpftrace has not ended within %s after SIGINT", grace))
	}
}

func (s *session) stop() {
	switch {
	case s.attached.IsZero():
		s.abort(errors.New("stopped before the probes were attached"))
	case s.ended.IsZero():
		s.end(EndedByStop)
	}
}

// end ends the time box.
func (s *session) end(by EndedBy) {
	s.ended = time.Now()
	s.c.result.EndedBy = by
	s.deadline = time.After(grace)
	s.process.interrupt()
}

func (s *session) abort(err error) {
	s.failure = err
	s.deadline = nil
	s.process.kill()
}

// finish judges how bpftrace has ended.
func (s *session) finish(exit error) (*Result, error) {
	what := fmt.Sprintf("run recipe %s", s.o.Recipe.Name)
	switch {
	case s.failure != nil && s.stderr.Len() > 0:
		return nil, fmt.Errorf("%s: %w: bpftrace said: %s", what, s.failure, strings.TrimSpace(s.stderr.String()))
	case s.failure != nil:
		return nil, fmt.Errorf("%s: %w", what, s.failure)
	case exit != nil:
		return nil, bpftraceError(fmt.Sprintf("%s: bpftrace: %v", what, exit), s.stderr.String())
	case s.attached.IsZero():
		return nil, bpftraceError(what+": bpftrace ended before its probes were attached", s.stderr.String()+s.c.lastText)
	}
	if s.ended.IsZero() {
		s.ended = time.Now()
		s.c.result.EndedBy = EndedByBpftrace
	}
	r := s.c.finish()
	r.Kernel = s.o.Kernel
	r.StartedAt = s.attached.UTC().Format(time.RFC3339Nano)
	r.AttachNS = s.attached.Sub(s.started).Nanoseconds()
	r.DurationNS = s.ended.Sub(s.attached).Nanoseconds()
	return r, nil
}
