package main

import (
	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

// workloadName is the hidden subcommand as which verify starts itself again.
const workloadName = "workload"

func newWorkload() *cobra.Command {
	return &cobra.Command{
		Use:    workloadName,
		Short:  "Serve one workload of verify (internal)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return exitcode.With(exitcode.Harness, mtc.RunWorkload(cmd.InOrStdin(), cmd.OutOrStdout()))
		},
	}
}
