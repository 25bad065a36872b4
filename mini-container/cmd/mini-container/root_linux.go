package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

const name = "mini-container"

// run is the whole program but for its exit.
func run(args []string, stdout, stderr io.Writer) int {
	code := exitcode.Pass
	root := newRoot(&code)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.Execute(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return exitcode.Of(err)
	}
	return code
}

// newRoot builds the command tree; code receives the exit code of a command
// that ran in a container.
func newRoot(code *int) *cobra.Command {
	root := &cobra.Command{
		Use:           name,
		Short:         "Run a command in a container built by hand",
		Version:       buildinfo.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return exitcode.With(exitcode.Usage, err)
	})
	root.AddCommand(newRun(code))
	return root
}

// usageArgs makes wrong arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return exitcode.With(exitcode.Usage, check(cmd, args))
	}
}
