package main

import (
	"fmt"

	"github.com/spf13/cobra"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

func newShow() *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Print a recipe: its annotations and its source",
		Example:           "  bpf-tour show runqlat",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := bpftour.Lookup(args[0])
			if err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), r.Source)
			return err
		},
	}
}

func completeNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, r := range bpftour.Recipes() {
		if len(args) == 0 {
			names = append(names, r.Name+"\t"+r.Title)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
