package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// session are the flags of what trace and stats have in common: a tracer that
// runs for a while.
type session struct {
	options  connsnoop.Options
	filters  filterFlags
	duration time.Duration
	started  time.Time
}

func (s *session) add(flags *pflag.FlagSet) {
	o := &s.options
	flags.DurationVar(&s.duration, "duration", 0, "stop after this time (default: at SIGINT or SIGTERM)")
	flags.Var(&choice[connsnoop.Backend]{&o.Backend, connsnoop.BackendAuto, connsnoop.Backends(), "BACKEND"}, "backend",
		"hooks: "+alternatives(connsnoop.Backends()))
	addBTF(flags, o)
	flags.BoolVar(&o.NoSeed, "no-seed", false, "leave out connections that are open at the start")
	flags.Uint32Var(&o.MaxConnections, "max-conns", 0, "connections to follow at once (default 16384)")
	flags.Uint32Var(&o.MaxAggregates, "max-aggregates", 0, "combinations of name, port, cgroup and direction to sum up (default 4096)")
	flags.Uint32Var(&o.RingBytes, "ring-bytes", 0, "size of the ring buffer, a power of two (default 1048576)")
	s.filters.add(flags)
}

func addBTF(flags *pflag.FlagSet, o *connsnoop.Options) {
	flags.StringVar(&o.BTF, "btf", "", "types of the running kernel, where it has none itself: a file, or a directory of RELEASE.btf")
}

// start attaches the probes.
func (s *session) start() (*connsnoop.Tracer, error) {
	if s.duration < 0 {
		return nil, exitcode.With(exitcode.Usage, fmt.Errorf("negative --duration %v", s.duration))
	}
	var err error
	if s.options.Filter, err = s.filters.resolve(); err != nil {
		return nil, err
	}
	tracer, err := connsnoop.New(s.options)
	if err != nil {
		return nil, exitcode.With(codeOf(err), err)
	}
	s.started = time.Now()
	return tracer, nil
}

func codeOf(err error) int {
	if errors.Is(err, connsnoop.ErrUnsupported) {
		return exitcode.Unsupported
	}
	return exitcode.Usage
}

// ready says that connections from now on are recorded, and by which hooks.
func ready(stderr io.Writer, tracer *connsnoop.Tracer) {
	backend, reason := tracer.Backend()
	fmt.Fprintf(stderr, "ready: %d probes attached, backend %s: %s\n", tracer.Probes(), backend, reason)
}

// untilSignal returns a context that ends at a signal. A second signal kills:
// who asks twice does not want to wait.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE) // a pipe that breaks is an error of write
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// events yields what the tracer reads until ctx is done, or the time is up.
func (s *session) events(ctx context.Context, tracer *connsnoop.Tracer) iter.Seq2[connsnoop.Event, error] {
	return func(yield func(connsnoop.Event, error) bool) {
		if s.duration > 0 {
			timed, cancel := context.WithTimeout(ctx, s.duration)
			defer cancel()
			ctx = timed
		}
		tracer.Events(ctx)(yield)
	}
}

// report detaches the probes and sums up.
func (s *session) report(tracer *connsnoop.Tracer) (connsnoop.StatsReport, error) {
	if err := tracer.Detach(); err != nil {
		return connsnoop.StatsReport{}, err
	}
	return tracer.Report(s.started)
}

// verdict is an error if records were lost, or counters do not add up.
func verdict(r connsnoop.StatsReport) error {
	switch {
	case r.OK:
		return nil
	case r.Lost > 0:
		return exitcode.With(exitcode.Inconclusive, fmt.Errorf("no record of %d connections: see stats", r.Lost))
	}
	return exitcode.With(exitcode.Inconclusive, errors.New("counters do not add up: see stats"))
}
