package main

import "github.com/spf13/cobra"

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schemas",
		Short: "List the schemas of this module and validate documents against them",
		Example: `  schemas validate events.jsonl
  connsnoop | schemas validate --schema conn-event/v1 --json
  schemas show conn-event/v1`,
	}
	cmd.AddCommand(newList(), newShow(), newValidate())
	return cmd
}
