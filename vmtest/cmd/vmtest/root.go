package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// run is main without the exit. Ctrl-C ends everything in order: no QEMU, no
// temporary file is left.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "vmtest: %v\n", err)
	}
	return exitcode.Of(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "vmtest",
		Short:         "Run tests on real kernels in virtual machines",
		Example:       "  vmtest run --kernels 6.12 --tests connsnoop",
		Version:       buildinfo.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args:          usageArgs(cobra.NoArgs),
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitcode.With(exitcode.Usage, err) })
	root.AddCommand(newRun())
	return root
}

// usageArgs gives wrong arguments the exit code of wrong usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return exitcode.With(exitcode.Usage, check(cmd, args))
	}
}
