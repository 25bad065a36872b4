package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// traceFlags are the flags of trace.
type traceFlags struct {
	session
	maxEvents uint64
	output    string
	format    string
	json      bool
	stats     bool
}

// addTrace makes cmd trace, with its flags.
func addTrace(cmd *cobra.Command) {
	var f traceFlags
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.options.Events, "events", false, "also report when connections are opened and established")
	flags.Uint64Var(&f.maxEvents, "max-events", 0, "stop after this many events (default: no limit)")
	flags.StringVar(&f.output, "output", "", "write events to this file instead of stdout")
	flags.StringVar(&f.format, "format", "json", "json (conn-event/v1, one per line) or table")
	flags.BoolVar(&f.json, "json", false, "the same as --format json")
	flags.BoolVar(&f.stats, "stats", false, "at the end, print all counters and sums to stderr")
	f.add(flags)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
}

// run checks the input, attaches, and prints events until it is told to stop.
func (f *traceFlags) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	write, err := newWriter(f.format)
	if err == nil && f.json && f.format != "json" {
		err = fmt.Errorf("--json and --format %s exclude each other", f.format)
	}
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	tracer, err := f.start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tracer.Close()) }()
	out, err := openOutput(f.output, stdout)
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	ready(stderr, tracer)
	err = f.follow(ctx, tracer, func(e connsnoop.Event) error {
		if err := write(out, e); err != nil || tracer.More() {
			return err
		}
		return out.Flush()
	})
	return f.finish(tracer, out.close(err), stderr)
}

// follow hands events to emit until ctx is done or there were enough of them.
func (f *traceFlags) follow(ctx context.Context, tracer *connsnoop.Tracer, emit func(connsnoop.Event) error) error {
	var seen uint64
	for event, err := range f.events(ctx, tracer) {
		if err != nil {
			return err
		}
		if err := emit(event); err != nil {
			return err
		}
		if seen++; seen == f.maxEvents {
			return nil
		}
	}
	return nil
}

// finish prints what was counted. Who closed the pipe wants to hear no more.
func (f *traceFlags) finish(tracer *connsnoop.Tracer, failure error, stderr io.Writer) error {
	if errors.Is(failure, syscall.EPIPE) {
		return tracer.Detach()
	}
	report, err := f.report(tracer)
	if err != nil {
		return errors.Join(failure, err)
	}
	if f.stats {
		err = writeReport(stderr, report)
	}
	fmt.Fprintf(stderr, "stats: %v\n", report.Stats)
	if failure != nil {
		return failure // of what it kept from us, the statistics tell
	}
	return errors.Join(err, verdict(report))
}
