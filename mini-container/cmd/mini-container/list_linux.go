package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

func newList(s *store) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the containers of this user, after clearing away killed ones",
		Example: "  mini-container list --json | jq -r '.containers[].id'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := s.list()
			if list == nil {
				return err
			}
			print := printList
			if asJSON {
				print = func(w io.Writer, list *minicontainer.List) error { return printJSON(w, list) }
			}
			return errors.Join(print(cmd.OutOrStdout(), list), err)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a container-list/v1 JSON document")
	return cmd
}

func (s *store) list() (*minicontainer.List, error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	return minicontainer.ListContainers(st)
}

func printList(w io.Writer, list *minicontainer.List) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATUS\tPID\tCREATED\tCOMMAND")
	for _, c := range list.Containers {
		pid := "-"
		if c.PID != 0 && c.ExitCode == nil {
			pid = fmt.Sprint(c.PID)
		}
		status := c.Status
		if c.ExitCode != nil {
			status = fmt.Sprintf("%s (%d)", status, *c.ExitCode)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", c.ID, status, pid, c.CreatedAt.Format(time.RFC3339), oneLine(c.Command))
	}
	return table.Flush()
}

// oneLine shows a command without what could move the cursor.
func oneLine(command []string) string {
	quoted := make([]string, 0, len(command))
	for _, word := range command {
		if q := fmt.Sprintf("%q", word); word == "" || strings.Contains(word, " ") || q != `"`+word+`"` {
			word = q
		}
		quoted = append(quoted, word)
	}
	return strings.Join(quoted, " ")
}

func newGC(s *store) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "gc", Short: "Remove what killed containers have left, and touch nothing that lives",
		Example: "  mini-container gc",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := s.open()
			if err != nil {
				return err
			}
			removed, err := minicontainer.Sweep(st)
			if asJSON {
				return errors.Join(printJSON(cmd.OutOrStdout(), minicontainer.NewGCReport(removed)), err)
			}
			for _, id := range removed {
				fmt.Fprintln(cmd.OutOrStdout(), id)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a container-gc/v1 JSON document")
	return cmd
}
