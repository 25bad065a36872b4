package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := newRoot()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "bpf-tour: %v\n", err)
	}
	return exitcode.Of(err)
}

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bpf-tour",
		Short:   "Run bpftrace recipes and get typed, checked results",
		Example: "  bpf-tour list\n  bpf-tour show opensnoop\n  bpf-tour run opensnoop --duration 10s --json",
		Version: buildinfo.Version(),
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return exitcode.With(exitcode.Usage, fmt.Errorf("no command given (try: bpf-tour --help)"))
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitcode.With(exitcode.Usage, err) })
	cmd.AddCommand(newList(), newShow(), newRun(), newAnnotate())
	return cmd
}

// usageArgs gives wrong arguments the exit code of wrong usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return exitcode.With(exitcode.Usage, check(cmd, args))
	}
}
