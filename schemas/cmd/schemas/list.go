package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/schemas"
)

// schemaInfo is one element of schema-list/v1.
type schemaInfo struct {
	Name        string `json:"name"`
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

// schemaList is schema-list/v1.
type schemaList struct {
	Schema  string       `json:"schema"`
	Schemas []schemaInfo `json:"schemas"`
}

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the schemas",
		Example: "  schemas list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := readList()
			if err == nil && asJSON {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(list)
			} else if err == nil {
				err = printList(cmd.OutOrStdout(), list)
			}
			return exitcode.With(exitcode.Fail, err)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print schema-list/v1 instead of text")
	return cmd
}

func readList() (schemaList, error) {
	list := schemaList{Schema: "schema-list/v1"}
	for _, name := range schemas.Names() {
		source, err := schemas.Source(name)
		if err != nil {
			return list, err
		}
		info := schemaInfo{Name: name, ID: schemas.ID(name)}
		if err := json.Unmarshal(source, &info); err != nil {
			return list, fmt.Errorf("read schema %s: %w", name, err)
		}
		list.Schemas = append(list.Schemas, info)
	}
	return list, nil
}

func printList(w io.Writer, list schemaList) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range list.Schemas {
		fmt.Fprintf(table, "%s\t%s\n", s.Name, s.Title)
	}
	return table.Flush()
}
