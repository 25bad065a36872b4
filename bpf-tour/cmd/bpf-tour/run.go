package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// runFlags are the flags of the run command.
type runFlags struct {
	duration, attachTimeout time.Duration
	maxEvents               int
	asJSON                  bool
	output                  string
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Run a recipe for a while and print what it has shown",
		Long: `Run a recipe and print what it has shown: text, or recipe-result/v1 with --json.

The time box starts when all probes are attached; "ready: N probes attached" on
standard error tells when that is. SIGINT or SIGTERM ends it early, and what was
seen until then is printed; a second one kills.

Exit status: 0 all is well, even if nothing was seen; 1 the run failed; 2 wrong
usage; 3 the result is printed but incomplete (it says why); 4 this machine
cannot run the recipe.`,
		Example:           "  bpf-tour run opensnoop --duration 10s\n  bpf-tour run runqlat --json --output runqlat.json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fs := cmd.Flags()
	fs.DurationVar(&f.duration, "duration", 5*time.Second, "how long to trace, from the moment all probes are attached")
	fs.DurationVar(&f.attachTimeout, "attach-timeout", 90*time.Second, "how long bpftrace may take to attach its probes")
	fs.IntVar(&f.maxEvents, "max-events", 10000, "how many events to keep; further ones are counted and make the result incomplete")
	fs.BoolVar(&f.asJSON, "json", false, "print recipe-result/v1")
	fs.StringVar(&f.output, "output", "", "write the result there as JSON, and nothing to standard output")
	return cmd
}

func (f runFlags) run(cmd *cobra.Command, name string) error {
	recipe, err := bpftour.Lookup(name)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	kernel, err := kernelRelease()
	if err != nil {
		return exitcode.With(exitcode.Unsupported, err)
	}
	ctx, stop, release := watchSignals(cmd.Context())
	defer release()
	result, err := bpftour.Run(ctx, bpftour.Options{
		Recipe: recipe, Duration: f.duration, Kernel: kernel, AttachTimeout: f.attachTimeout, MaxEvents: f.maxEvents,
		Stop:  stop,
		Ready: func(n uint64) { fmt.Fprintf(cmd.ErrOrStderr(), "ready: %d probes attached\n", n) },
	})
	if errors.Is(err, bpftour.ErrUnsupported) {
		return exitcode.With(exitcode.Unsupported, err)
	}
	if err != nil {
		return err
	}
	return f.report(cmd, result)
}

func (f runFlags) check() error {
	switch {
	case f.duration <= 0 || f.attachTimeout <= 0:
		return fmt.Errorf("durations must be greater than 0")
	case f.maxEvents <= 0:
		return fmt.Errorf("--max-events must be greater than 0")
	}
	return nil
}

// report writes the result and turns an incomplete one into an error.
func (f runFlags) report(cmd *cobra.Command, r *bpftour.Result) error {
	var err error
	switch {
	case f.output != "":
		err = writeFile(f.output, r)
	case f.asJSON:
		err = writeJSON(cmd.OutOrStdout(), r)
	default:
		err = bpftour.WriteText(cmd.OutOrStdout(), r, 0, 0)
	}
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if !r.Complete {
		return exitcode.With(exitcode.Inconclusive, fmt.Errorf("the result is incomplete: %s", strings.Join(r.Incomplete, ", ")))
	}
	return nil
}

func writeFile(path string, r *bpftour.Result) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(writeJSON(file, r), file.Close())
}

// watchSignals closes stop at the first SIGINT or SIGTERM and cancels the
// context at the second.
func watchSignals(parent context.Context) (ctx context.Context, stop chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop = make(chan struct{})
	go func() {
		select {
		case <-signals:
			close(stop)
		case <-ctx.Done():
			return
		}
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, stop, func() { signal.Stop(signals); cancel() }
}
