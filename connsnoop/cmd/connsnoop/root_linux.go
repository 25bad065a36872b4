package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

const rootExample = `  # every connection, until Ctrl-C
  connsnoop
  # ten seconds of one service, as JSON lines
  connsnoop trace --duration 10s --port 5432 --format json --output events.jsonl`

// run executes the command line and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err != nil {
		fmt.Fprintln(stderr, "connsnoop: "+err.Error())
	}
	return exitcode.Of(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "connsnoop",
		Short:   "Record every TCP connection of this machine at its end",
		Long:    "Record every TCP connection of this machine at its end: who opened it,\nfrom where to where, for how long, and how many bytes went each way.\nWithout a subcommand it traces.",
		Example: rootExample,
		Version: buildinfo.Version(),
		Args:    usage(cobra.NoArgs), SilenceUsage: true, SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return exitcode.With(exitcode.Usage, err)
	})
	addTrace(root)
	trace := &cobra.Command{
		Use:     "trace",
		Short:   "Print one record for each connection that ends",
		Example: rootExample,
		Args:    usage(cobra.NoArgs),
	}
	addTrace(trace)
	root.AddCommand(trace)
	return root
}

// usage makes wrong arguments exit with code 2.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return exitcode.With(exitcode.Usage, check(cmd, args))
	}
}
