package main

import "github.com/spf13/cobra"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "namespaces-cgroups-ebpf",
		Short: "Labs on Linux namespaces, cgroup v2 and eBPF",
	}
	root.AddCommand(newDoctor())
	return root
}
