package main

import (
	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/schemas"
)

func newShow() *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Print a schema (JSON Schema, draft 2020-12)",
		Example:           "  schemas show conn-event/v1",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := schemas.Source(args[0])
			if err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			_, err = cmd.OutOrStdout().Write(source)
			return exitcode.With(exitcode.Fail, err)
		},
	}
}

func completeName(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return schemas.Names(), cobra.ShellCompDirectiveNoFileComp
}
