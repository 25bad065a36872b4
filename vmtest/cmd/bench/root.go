package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// options is what the command line says.
type options struct {
	kernels   []string
	memoryMiB []int64
	samples   int
	report    string
	json      string
	init      string
	virtme    bool
	timeout   time.Duration
}

func newRoot() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what vmtest costs",
		Long: `Measure what vmtest costs, and hold it to its targets:

  - restoring a VM, against booting it cold (at most 0.10 of it);
  - booting cold until a first command has run, against the bare kernel with the
    smallest init there can be, in the same machine (at most 1.15 of it);
  - a command's round trip, and how fast its output comes;
  - the wall time of a run in which no test ran, from its report.json (60 s);
  - for comparison only, how long Debian 13's virtme-ng takes to a first command
    with the same kernels, from 6.12 on, and the first size of memory. The first
    time it costs a minute or two and the network: --virtme-ng=false does without.

What is compared is measured turn by turn, and the ratios are of such pairs.
Numbers from a busy machine are worth nothing: the table shows the load.

Exit codes: 0 all targets are met; 1 one is missed; 2 wrong usage; 3 ended early
or something could not be measured.`,
		Example: "  bench -n 5 --json out/bench/vmtest.json\n  bench --kernels 6.12 --memory 1024 -n 1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), o.timeout, fmt.Errorf("not done within %v: take fewer samples, or give more --timeout", o.timeout))
			defer cancel()
			b := &benchmark{options: o, progress: newProgress(cmd.ErrOrStderr())}
			err := b.run(ctx)
			b.progress.clear()
			if err != nil {
				return exitcode.With(exitcode.Inconclusive, err)
			}
			return o.conclude(cmd, b.report)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.kernels, "kernels", []string{"5.10", "6.12", "7"}, "kernels to boot")
	f.Int64SliceVar(&o.memoryMiB, "memory", []int64{1024, 2048}, "memory of the VMs in MiB")
	f.IntVarP(&o.samples, "samples", "n", 5, "samples of each boot")
	f.StringVar(&o.report, "report", "out/vmtest/report.json", "report of a run of vmtest with a warm cache")
	f.StringVar(&o.json, "json", "", "also write "+bench.Schema+" to this file")
	f.StringVar(&o.init, "init", "bin/vmtest-init", "static program that becomes the guest's init")
	f.BoolVar(&o.virtme, "virtme-ng", true, "measure virtme-ng too, where it runs")
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "give up after this long")
	return cmd
}

func (o options) check() error {
	switch {
	case len(o.kernels) == 0 || len(o.memoryMiB) == 0:
		return errors.New("need a kernel and a size of memory at least")
	case o.samples < 1 || o.samples > 1000:
		return fmt.Errorf("--samples %d: want 1 to 1000", o.samples)
	}
	for _, m := range o.memoryMiB {
		if m < 256 || m > 1<<16 {
			return fmt.Errorf("--memory %d: want 256 to 65536 MiB", m)
		}
	}
	if _, err := os.Stat(o.init); err != nil {
		return fmt.Errorf("find guest init: %w (run make build)", err)
	}
	return nil
}

// conclude prints the report and says how it ended.
func (o options) conclude(cmd *cobra.Command, r bench.Report) error {
	if err := bench.WriteText(cmd.OutOrStdout(), r); err != nil {
		return err
	}
	if o.json != "" {
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(data, '\n'), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", bench.Schema, err)
		}
	}
	if missed := r.Missed(); len(missed) > 0 {
		return exitcode.With(exitcode.Fail, fmt.Errorf("%d targets are missed, the first is %s", len(missed), missed[0]))
	}
	return nil
}
