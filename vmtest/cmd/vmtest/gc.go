package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

// collectionSchema is the schema of a collection.
const collectionSchema = "cache-gc/v1"

// collection is what a gc has removed from the cache, or would.
type collection struct {
	Schema    string           `json:"schema"`
	DryRun    bool             `json:"dry_run"`
	Removed   []vmtest.Removed `json:"removed"`
	SizeBytes int64            `json:"size_bytes"`
}

// gcFlags say how a gc tells what it does.
type gcFlags struct {
	dry, asJSON bool
}

func (g *gcFlags) register(f *pflag.FlagSet) {
	f.BoolVar(&g.dry, "dry-run", false, "only say what would be removed")
	f.BoolVar(&g.asJSON, "json", false, "print "+collectionSchema)
}

// conclude tells what went, also where err ended it early.
func (g *gcFlags) conclude(cmd *cobra.Command, removed []vmtest.Removed, err error) error {
	c := collection{Schema: collectionSchema, DryRun: g.dry, Removed: append([]vmtest.Removed{}, removed...)}
	for _, r := range removed {
		c.SizeBytes += r.SizeBytes
	}
	printed := c.print(cmd, g.asJSON)
	if err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	return printed
}

func (c collection) print(cmd *cobra.Command, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		return printJSON(out, c)
	}
	word := "removed"
	if c.DryRun {
		word = "would remove"
	}
	for _, r := range c.Removed {
		fmt.Fprintf(out, "%s %s (%d MB): %s\n", word, r.Path, r.SizeBytes/1e6, r.Reason)
	}
	_, err := fmt.Fprintf(out, "%s %d MB\n", word, c.SizeBytes/1e6)
	return err
}
