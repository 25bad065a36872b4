package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/internal/report/merge"
)

func newMerge() *cobra.Command {
	var o merge.Options
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "merge REPORT...",
		Short: "Join the reports of many machines into one",
		Long: `Merge joins reports (report.json, or the directory that holds it) of the shards
of a run, or of one kernel each, and writes report.json, report.html, report.md
and junit.xml to --out, with the consoles, outputs and artifacts of all.

Reports must be of one tier, one harness and the same builds, and no two may
have the same test on the same kernel. A shard that is missing, a kernel of
--kernels that no report has, and a test that one kernel has and another has not
are lost: such a report is never green.

Exit status: as of run for the merged report (0 green, 1 something failed, 3
only inconclusive results, 4 every test was skipped, 128 something is missing or
our own fault); 2 bad usage, or reports that do not belong together.`,
		Example: `  vmtest merge part1 part2 part3 --out out/merged
  vmtest merge parts/*/report.json --kernels 5.10,6.12`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Kernels = split(o.Kernels)
			r, err := mergeReports(args, out, o)
			if err != nil {
				return err
			}
			return show(cmd, r, out, asJSON)
		},
	}
	cmd.Flags().StringVar(&out, "out", "out/merged", "directory for the merged report and all files")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the merged report instead of its matrix")
	cmd.Flags().StringSliceVar(&o.Kernels, "kernels", nil, "series that must be there, besides those that the shards name")
	cmd.Flags().BoolVar(&o.Force, "force", false, "join reports of different builds of the harness, the programs or a kernel")
	return cmd
}

// mergeReports joins first, so that nothing is cleared or copied for reports
// that do not belong together.
func mergeReports(paths []string, out string, o merge.Options) (report.Report, error) {
	var parts []merge.Part
	for _, path := range paths {
		p, err := merge.Open(path)
		if err != nil {
			return report.Report{}, exitcode.With(exitcode.Usage, err)
		}
		parts = append(parts, p)
	}
	if _, err := merge.Join(parts, o); err != nil {
		return report.Report{}, exitcode.With(exitcode.Usage, err)
	}
	if err := merge.Collect(parts, out); err != nil {
		return report.Report{}, exitcode.With(exitcode.Usage, err)
	}
	r, err := merge.Join(parts, o)
	if err == nil {
		err = report.Write(out, r)
	}
	return r, exitcode.With(exitcode.Harness, err)
}

// show prints a report, and turns it into an exit code.
func show(cmd *cobra.Command, r report.Report, out string, asJSON bool) error {
	var err error
	if asJSON {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = printReport(cmd.OutOrStdout(), r, out)
	}
	if err != nil {
		return exitcode.With(exitcode.Harness, fmt.Errorf("print report: %w", err))
	}
	if code := r.ExitCode(); code != exitcode.Pass {
		return exitcode.With(code, errNotGreen)
	}
	return nil
}
