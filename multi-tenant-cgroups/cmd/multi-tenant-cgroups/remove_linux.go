package main

import (
	"fmt"

	"github.com/spf13/cobra"

	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

func newRemove() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "remove -f POLICY",
		Short: "Kill the tenants' processes and remove their cgroups",
		Long: `Kill the tenants' processes and remove their cgroups.

Only cgroups that this program made are touched, those that a killed verify left
behind among them. Removing what is not there is no error.`,
		Example: "  " + name + " remove -f two-tenants.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, tree, err := t.open(cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer func() { _ = tree.Close() }()
			gone, err := mtc.Remove(tree, policy)
			for _, cgroup := range gone {
				fmt.Fprintf(cmd.OutOrStdout(), "remove  %s\n", cgroup)
			}
			return err
		},
	}
	t.flags(cmd)
	return cmd
}
