package main

import "github.com/spf13/cobra"

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bpf-tour",
		Short:   "Run bpftrace recipes and get typed, checked results",
		Example: "  bpf-tour list\n  bpf-tour show opensnoop\n  bpf-tour run opensnoop --duration 10s --json",
	}
	cmd.AddCommand(newList(), newShow(), newRun(), newAnnotate())
	return cmd
}
