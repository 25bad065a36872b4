package main

import (
	"github.com/spf13/cobra"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

// completeNames offers the containers that there are. Completion must not
// clear anything away, so it looks and no more.
func (s *store) completeNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	st, err := s.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, c := range minicontainer.Names(st) {
		names = append(names, cobra.CompletionWithDesc(c.ID, c.Status+" "+oneLine(c.Command)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
