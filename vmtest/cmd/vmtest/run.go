package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

// errNotGreen carries the exit code of a run whose report says why.
var errNotGreen = errors.New("not everything passed")

func newRun() *cobra.Command {
	var c vmtest.RunConfig
	var kernels, tests []string
	var guest guestFlags
	var shard shardFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the plans of all deliverables on all kernels",
		Long: `Run gives every entry of every <deliverable>/vmtest.json a virtual machine of its
own on every kernel, validates each output on the host against schemas/, and
judges what was recorded. Each kernel is booted once: its machines are restored
from the state saved then. --cold boots each of them instead, which is slow.

It writes report.json (vmtest-report/v1), report.html, report.md and junit.xml to
--out, and per kernel and test the console log, the trace and the test's outputs.
With --json, standard output is the report, and all else goes to standard error.

--shard 2/5 does the second of five parts: whole kernels if there are enough of
them, else single tests. "vmtest merge" joins the reports. --resume keeps the
verdicts in --out that stand on the same programs, plan, kernel, root disk, seed,
tier and harness, and runs the rest.

A machine that is measured to be slower than the one that timeouts and quotas
are made for gets that much more time, ten times at most.

Exit status: 0 everything planned passed or was skipped for a checked reason,
1 something failed, 2 bad usage, 3 only inconclusive results, 4 every test was
skipped, 128 our own fault.`,
		Example: `  vmtest run                                    all kernels, all tests
  vmtest run --kernels 5.10,6.12                two kernels
  vmtest run --kernels 7 --tests connsnoop      one deliverable on the newest 7.x
  vmtest run --tests 'bpf-tour/run*' --seed 7   some tests, the same random inputs again
  vmtest run --tier full --resume               all tests, but for those done before
  vmtest run --shard 1/5 --out out/part1        one of five machines' part
  vmtest run --append 'slub_debug=FZ' --cold    with arguments for the kernels`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Shard = vmtest.Shard(shard)
			c.Kernels, c.Tests = split(kernels), split(tests)
			if err := guest.read(&c.Config); err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			return runPlans(cmd, c, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&kernels, "kernels", nil, "kernels, such as 5.10,7,host (default: the default matrix of kernels.json; see vmtest kernels)")
	f.StringSliceVar(&tests, "tests", nil, "deliverables or deliverable/entry patterns (default: all)")
	f.StringVar(&c.Tier, "tier", "default", "tests to run: default or full")
	f.StringVar(&c.Out, "out", "out/vmtest", "directory for the report and the outputs")
	f.StringVar(&c.Repo, "repo", ".", "checkout with the plans and bin/")
	f.IntVar(&c.Jobs, "jobs", 0, "VMs at once (default: one per CPU, as memory allows)")
	f.BoolVar(&asJSON, "json", false, "print the report on standard output when it is complete")
	f.Var(&shard, "shard", "part of the run to do, as index/count (default: all of it)")
	f.BoolVar(&c.Resume, "resume", false, "keep the verdicts in --out that the same run would come to again")
	f.Uint64Var(&c.Seed, "seed", 0, "seed of random inputs (default: drawn, and named in the report; --resume takes that of the run before)")
	f.StringArrayVar(&c.Modules, "module", nil, "load a kernel module before each test, besides those that its plan names")
	guest.add(f, &c.Config)
	return cmd
}

// shardFlag reads "2/5".
type shardFlag vmtest.Shard

// Set implements pflag.Value. Whether there is such a shard is for Run to say.
func (s *shardFlag) Set(text string) error {
	index, count, ok := strings.Cut(text, "/")
	i, indexErr := strconv.Atoi(index)
	n, countErr := strconv.Atoi(count)
	if !ok || indexErr != nil || countErr != nil {
		return fmt.Errorf("%q is no index/count, such as 1/5", text)
	}
	if i == 0 && n == 0 {
		return errors.New("there is no shard 0/0, the first of five is 1/5")
	}
	*s = shardFlag{Index: i, Count: n}
	return nil
}

// String implements pflag.Value.
func (s *shardFlag) String() string {
	if *s == (shardFlag{}) {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Type implements pflag.Value.
func (*shardFlag) Type() string { return "i/n" }

// split drops empty elements, so that an empty flag means the default.
func split(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func runPlans(cmd *cobra.Command, c vmtest.RunConfig, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		out = cmd.ErrOrStderr()
	}
	view := newView(out)
	c.Progress = view.event
	report, err := vmtest.Run(cmd.Context(), c)
	view.stop()
	if report.Schema == "" { // nothing was started
		return exitcode.With(exitcode.Usage, err)
	}
	err = errors.Join(err, printReport(out, report, c.Out))
	if asJSON {
		err = errors.Join(err, printJSON(cmd.OutOrStdout(), report))
	}
	if err != nil {
		if cmd.Context().Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		return exitcode.With(exitcode.Harness, err)
	}
	if code := report.ExitCode(); code != exitcode.Pass {
		return exitcode.With(code, errNotGreen)
	}
	return nil
}
