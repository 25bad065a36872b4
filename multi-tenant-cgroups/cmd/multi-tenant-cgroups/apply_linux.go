package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

func newApply() *cobra.Command {
	var (
		t      target
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "apply -f POLICY",
		Short: "Create the tenants' cgroups and set their limits",
		Long: `Create the tenants' cgroups and set their limits.

Every value is read back. If the kernel refuses one or holds another, all that
was changed is put back. Applying a policy that is in force changes nothing.`,
		Example: "  " + name + " apply -f two-tenants.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, tree, err := t.open(cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer func() { _ = tree.Close() }()
			capacity, err := mtc.MachineCapacity()
			if err != nil {
				return err
			}
			report, err := mtc.Apply(cmd.Context(), tree, policy, capacity)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), report)
			}
			return writeApply(cmd.OutOrStdout(), report)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print "+mtc.ApplySchema)
	return cmd
}

func writeApply(out io.Writer, report mtc.ApplyReport) error {
	for _, a := range report.Admission {
		if a.Overcommit {
			fmt.Fprintf(out, "overcommitted: %s\n", a)
		}
	}
	for _, s := range report.Steps {
		switch s.Kind {
		case mtc.StepCreate:
			fmt.Fprintf(out, "create  %s\n", s.Cgroup)
		default:
			fmt.Fprintf(out, "%-7s %s: %s -> %s\n", s.Kind, display(s.Cgroup, s.File), quoteEmpty(s.Previous), s.Readback)
		}
	}
	_, err := fmt.Fprintf(out, "applied: %d changes\n", len(report.Steps))
	return err
}

func display(cgroup, file string) string {
	if cgroup == "" {
		return file
	}
	return cgroup + "/" + file
}

func quoteEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

func writeJSON(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}
