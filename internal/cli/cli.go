package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/buildinfo"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// Run executes the command tree below root and returns the exit code. An
// error is printed once, as "name: error"; wrong flags and arguments are
// exitcode.Usage. A root without a function of its own prints its help.
func Run(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	err := Execute(ctx, root, args, stdout, stderr)
	if err != nil && err.Error() != "" { // see exitcode.Quiet
		fmt.Fprintf(stderr, "%s: %v\n", root.Name(), err)
	}
	return exitcode.Of(err)
}

// Execute is Run for a caller that has its own way with errors.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) error {
	root.Version = buildinfo.Version()
	root.SilenceUsage, root.SilenceErrors = true, true
	if !root.Runnable() {
		root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitcode.With(exitcode.Usage, err) })
	strict(root)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

// strict gives wrong arguments the exit code of wrong usage, in the whole
// tree. A command that says nothing about arguments takes none.
func strict(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = noArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		return exitcode.With(exitcode.Usage, check(cmd, args))
	}
	for _, child := range cmd.Commands() {
		strict(child)
	}
}

// suggestionDistance is how many letters of a command's name may be wrong.
const suggestionDistance = 2

// noArgs is cobra.NoArgs with a guess at what was meant.
func noArgs(cmd *cobra.Command, args []string) error {
	err := cobra.NoArgs(cmd, args)
	if err == nil || !cmd.HasAvailableSubCommands() {
		return err
	}
	cmd.SuggestionsMinimumDistance = suggestionDistance
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		return fmt.Errorf("%w, did you mean %s?", err, strings.Join(meant, " or "))
	}
	return err
}
