package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	bpftour "namespaces-cgroups-ebpf/bpf-tour"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

// newAnnotate is for the people who maintain recipes, so it is not listed.
func newAnnotate() *cobra.Command {
	return &cobra.Command{
		Use:     "annotate RESULT.json",
		Short:   "Render a recipe's page from a recorded recipe-result/v1",
		Example: "  bpf-tour annotate bpf-tour/testdata/recorded/opensnoop.json > bpf-tour/recipes/opensnoop.md",
		Args:    cobra.ExactArgs(1),
		Hidden:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return exitcode.With(exitcode.Usage, annotate(cmd, args[0]))
		},
	}
}

func annotate(cmd *cobra.Command, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read result: %w", err)
	}
	result, err := bpftour.DecodeResult(data)
	if err != nil {
		return err
	}
	recipe, err := bpftour.Lookup(result.Recipe)
	if err != nil {
		return err
	}
	return bpftour.Annotate(cmd.OutOrStdout(), recipe, result)
}
