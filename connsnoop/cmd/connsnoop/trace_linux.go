package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// traceFlags are the flags of trace.
type traceFlags struct {
	options   connsnoop.Options
	duration  time.Duration
	maxEvents uint64
	output    string
	format    string
	pid       uint32
	port      uint16
}

// addTrace makes cmd trace, with its flags.
func addTrace(cmd *cobra.Command) {
	var f traceFlags
	flags := cmd.Flags()
	flags.DurationVar(&f.duration, "duration", 0, "stop after this time (0: at SIGINT or SIGTERM)")
	flags.Uint64Var(&f.maxEvents, "max-events", 0, "stop after this many events (0: no limit)")
	flags.StringVar(&f.output, "output", "", "write events to this file instead of stdout")
	flags.StringVar(&f.format, "format", "json", "json (conn-event/v1, one per line) or table")
	flags.Uint16Var(&f.port, "port", 0, "only connections with this local or remote port")
	flags.Uint32Var(&f.pid, "pid", 0, "only connections that this process opened")
	flags.StringVar((*string)(&f.options.Backend), "backend", "auto", "hooks to use: auto, fentry, kprobe-multi or kprobe")
	flags.Uint32Var(&f.options.MaxConnections, "max-conns", 0, "connections to follow at once (0: 16384)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return trace(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
}

// trace checks the input, attaches, and prints events until it is told to stop.
func trace(ctx context.Context, f traceFlags, stdout, stderr io.Writer) (err error) {
	if f.duration < 0 {
		return exitcode.With(exitcode.Usage, fmt.Errorf("negative --duration %v", f.duration))
	}
	write, err := newWriter(f.format)
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.pid != 0 {
		f.options.Filter.PIDs = []uint32{f.pid}
	}
	if f.port != 0 {
		f.options.Filter.Ports = []uint16{f.port}
	}
	tracer, err := connsnoop.New(f.options)
	if err != nil {
		return exitcode.With(codeOf(err), err)
	}
	defer func() { err = errors.Join(err, tracer.Close()) }()
	out, closeOut, err := openOutput(f.output, stdout)
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	fmt.Fprintf(stderr, "ready: %d probes attached\n", tracer.Probes())
	buffered := bufio.NewWriter(out)
	err = follow(ctx, tracer, f, func(e connsnoop.Event) error {
		if err := write(buffered, e); err != nil || tracer.More() {
			return err
		}
		return buffered.Flush()
	})
	return errors.Join(err, buffered.Flush(), closeOut(), printStats(tracer, stderr))
}

func codeOf(err error) int {
	if errors.Is(err, connsnoop.ErrUnsupported) {
		return exitcode.Unsupported
	}
	return exitcode.Usage
}

// follow hands events to emit until ctx is done, the time is up or there were
// enough of them.
func follow(ctx context.Context, tracer *connsnoop.Tracer, f traceFlags, emit func(connsnoop.Event) error) error {
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	var seen uint64
	for event, err := range tracer.Events(ctx) {
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

// printStats writes the last line, and returns an error if records were lost.
func printStats(tracer *connsnoop.Tracer, stderr io.Writer) error {
	if err := tracer.Detach(); err != nil {
		return err
	}
	stats, err := tracer.Stats()
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "stats: %v\n", stats)
	if lost := stats.Lost(); lost > 0 {
		return exitcode.With(exitcode.Inconclusive, fmt.Errorf("no record of %d connections: see stats", lost))
	}
	return nil
}
