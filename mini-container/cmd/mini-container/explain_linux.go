package main

import (
	"github.com/spf13/cobra"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

const explainLong = `Print what run does, step by step and in order: the system calls of each step,
what they are for, the manual page, and what would be wrong without them. Steps
that only some containers need are listed too; the report of a run
(run --report) says which were taken, and run --explain records each system
call as it is made.`

func newExplain() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "explain",
		Short:   "Explain each step in the making of a container",
		Long:    explainLong,
		Example: "  mini-container explain\n  mini-container explain --json | jq -r '.steps[].calls[]' | sort -u",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !asJSON {
				return minicontainer.Explain().WriteText(cmd.OutOrStdout())
			}
			return printJSON(cmd.OutOrStdout(), minicontainer.Explain())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a container-explain/v1 JSON document")
	return cmd
}
