package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
)

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the recipes",
		Example: "  bpf-tour list\n  bpf-tour list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), bpftour.NewRecipeList(bpftour.Recipes()))
			}
			tw := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			for _, r := range bpftour.Recipes() {
				fmt.Fprintf(tw, "%s\t%s\n", r.Name, r.Title)
			}
			return tw.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print recipe-list/v1")
	return cmd
}
