package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/bench"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// options is what the command line says.
type options struct {
	binary   string
	samples  int
	runs     int
	confined bool
	json     string
	timeout  time.Duration
}

func newRoot() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast mini-container is beside crun, runc and bubblewrap",
		Long: `Measure how fast mini-container is beside crun, runc and bubblewrap: from the
start to the end of a program of one system call, one run of each in turns, all
with the same root directory, namespaces, mounts and capabilities.

Without --confined nobody has a cgroup, a device filter or a seccomp filter, but
runc, which cannot do without the first two; targets: at most 1.25 times crun and
0.4 times runc. With --confined all have a cgroup with limits for memory and
pids, the device filter, and mini-container's default seccomp profile; target: at
most half of crun. Also: the most memory that a supervisor has had (12 MiB), and
what many runs leave on the machine (nothing).

Needs root. What a machine has of a hybrid cgroup hierarchy is replaced by
cgroup v2 in a mount namespace of our own. Numbers from a busy machine are worth
nothing: the table shows the load.

Exit codes: 0 all targets are met; 1 one is missed; 2 wrong usage; 3 ended early
or something could not be measured.`,
		Example: "  bench -n 200 --json out/bench/mini-container.json\n  bench --confined -n 20 --runs 100",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			if again, err := inOwnMounts(cmd.Context()); again {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), o.timeout, fmt.Errorf("not done within %v", o.timeout))
			defer cancel()
			b := &benchmark{options: o}
			if err := b.measure(ctx); err != nil {
				return exitcode.With(exitcode.Inconclusive, err)
			}
			return o.conclude(cmd, b.report)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.binary, "binary", "bin/mini-container", "program to measure")
	f.IntVarP(&o.samples, "samples", "n", 100, "samples of each contestant")
	f.IntVar(&o.runs, "runs", 1000, "runs that must leave nothing; 0 for none")
	f.BoolVar(&o.confined, "confined", false, "with cgroup, device filter and seccomp for all")
	f.StringVar(&o.json, "json", "", "also write "+bench.Schema+" to this file")
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "give up after this long")
	return cmd
}

func (o *options) check() error {
	switch {
	case o.samples < 1 || o.samples > 100000:
		return fmt.Errorf("--samples %d: want 1 to 100000", o.samples)
	case o.runs < 0:
		return fmt.Errorf("--runs %d: want 0 or more", o.runs)
	case os.Geteuid() != 0:
		return errors.New("this needs root: crun and runc make containers without a user namespace")
	}
	var err error
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("find program: %w (run make build)", err)
	}
	return nil
}

func (o *options) mode() mode {
	if o.confined {
		return confined
	}
	return plain
}

// conclude prints the report and says how it ended.
func (o *options) conclude(cmd *cobra.Command, r bench.Report) error {
	if err := bench.WriteText(cmd.OutOrStdout(), r); err != nil {
		return err
	}
	if o.json != "" {
		data, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			err = os.WriteFile(o.json, append(data, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", bench.Schema, err)
		}
	}
	if missed := r.Missed(); len(missed) > 0 {
		return exitcode.With(exitcode.Fail, fmt.Errorf("%d targets are missed, the first is %s", len(missed), missed[0]))
	}
	for _, s := range r.Series {
		if s.SkipReason != "" {
			return exitcode.With(exitcode.Inconclusive, fmt.Errorf("%s was not measured: %s", s.Name, s.SkipReason))
		}
	}
	return nil
}
