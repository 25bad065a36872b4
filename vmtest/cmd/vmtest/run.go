package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

// errNotGreen carries the exit code of a run whose report says why.
var errNotGreen = errors.New("not everything passed")

func newRun() *cobra.Command {
	var c vmtest.RunConfig
	var kernels, tests, mirrors []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the plans of all deliverables on all kernels",
		Long: `Run boots each kernel, runs every <deliverable>/vmtest.json in it, validates
each output on the host against schemas/, and judges what was recorded.

It writes report.json (vmtest-report/v1), junit.xml and report.md to --out, and
per kernel the console log, the trace and each test's outputs.

Exit status: 0 everything planned passed or was skipped for a checked reason,
1 something failed, 2 bad usage, 3 only inconclusive results, 4 every test was
skipped, 128 our own fault.`,
		Example: `  vmtest run                                    all kernels, all tests
  vmtest run --kernels 5.10,6.12                two kernels
  vmtest run --kernels 7 --tests connsnoop      one deliverable on the newest 7.x
  vmtest run --tests 'bpf-tour/run*' --seed 7   some tests, the same random inputs again`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Kernels, c.Tests, c.Mirrors = split(kernels), split(tests), split(mirrors)
			return runPlans(cmd, c)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&kernels, "kernels", nil, "kernel series, such as 5.10,6.12,7 (default: the default matrix of kernels.json)")
	f.StringSliceVar(&tests, "tests", nil, "deliverables or deliverable/entry patterns (default: all)")
	f.StringVar(&c.Tier, "tier", "default", "tests to run: default or full")
	f.StringVar(&c.Out, "out", "out/vmtest", "directory for the report and the outputs")
	f.StringVar(&c.Repo, "repo", ".", "checkout with the plans and bin/")
	f.StringVar(&c.Accelerator, "accel", "auto", "auto (measured), kvm or tcg")
	f.IntVar(&c.Jobs, "jobs", 0, "VMs at once (default: one per CPU)")
	f.Uint64Var(&c.Seed, "seed", 0, "seed of random inputs (default: drawn, and named in the report)")
	f.StringVar(&c.CacheDir, "cache", "", "cache directory (default: $VMTEST_CACHE or the user's cache)")
	f.StringVar(&c.PackageDir, "package-dir", "", "directory of .deb files and SHA256SUMS (default: $VMTEST_PACKAGE_DIR)")
	f.StringSliceVar(&mirrors, "mirror", nil, "Debian mirrors, tried in order (default: $VMTEST_MIRRORS or what apt uses)")
	return cmd
}

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

func runPlans(cmd *cobra.Command, c vmtest.RunConfig) error {
	view := newView(cmd.OutOrStdout())
	c.Progress = view.event
	report, err := vmtest.Run(cmd.Context(), c)
	view.stop()
	if report.Schema == "" { // nothing was started
		return exitcode.With(exitcode.Usage, err)
	}
	if printErr := printReport(cmd.OutOrStdout(), report, c.Out); printErr != nil {
		err = errors.Join(err, printErr)
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
