package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/connsnoop"
)

// statsFlags are the flags of stats.
type statsFlags struct {
	session
	json bool
}

func newStats() *cobra.Command {
	var f statsFlags
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count connections and bytes by process name, port and cgroup",
		Long: "Count connections and bytes by process name, port and cgroup until SIGINT, SIGTERM or\n" +
			"the end of the duration. Then print the sums, all counters, and whether they add up.",
		Example: "  connsnoop stats --duration 1m\n  connsnoop stats --duration 10s --port 5432 --json",
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&f.json, "json", false, "print a conn-stats/v1 document")
	f.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// run reads the events, so that the ring has room, and keeps none.
func (f *statsFlags) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	ctx, stop := untilSignal(ctx)
	defer stop()
	tracer, err := f.start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tracer.Close()) }()
	ready(stderr, tracer)
	for _, err := range f.events(ctx, tracer) {
		if err != nil {
			return err
		}
	}
	report, err := f.report(tracer)
	if err != nil {
		return err
	}
	if f.json {
		err = writeDocument(stdout, report)
	} else {
		err = writeReport(stdout, report)
	}
	return errors.Join(err, verdict(report))
}

// writeReport writes the sums, the counters and the identities as text.
func writeReport(w io.Writer, r connsnoop.StatsReport) error {
	if err := writeAggregates(w, r.Aggregates); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for _, c := range r.Stats.Counters() {
		if _, err := fmt.Fprintf(w, "%-16s %12d  %s\n", c.Name, c.Value, c.Meaning); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	for _, b := range r.Identities {
		sign := "holds"
		if !b.Holds {
			sign = fmt.Sprintf("does not hold: %d, %d", b.Left, b.Right)
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", b.Identity, sign); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

const aggregateRow = "%-15v %6v %-7v %9v %9v %9v %14v %14v  %v\n"

func writeAggregates(w io.Writer, all []connsnoop.Aggregate) error {
	if len(all) == 0 {
		_, err := fmt.Fprint(w, "no connections\n\n")
		return err
	}
	if _, err := fmt.Fprintf(w, aggregateRow, "COMM", "PORT", "DIR", "OPENED", "CLOSED", "FAILED", "TX_BYTES", "RX_BYTES", "CGROUP"); err != nil {
		return err
	}
	for _, a := range all {
		if _, err := fmt.Fprintf(w, aggregateRow, printable(a.Comm), a.Port, a.Direction,
			a.Opened, a.Closed, a.Failed, a.TxBytes, a.RxBytes, printable(a.Cgroup.Path)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}
