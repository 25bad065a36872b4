package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/connsnoop"
	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

func newCheck() *cobra.Command {
	var (
		options connsnoop.Options
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say whether connections can be recorded here, by which hooks, and why not by others",
		Long: "Load and attach each backend for a moment, and look for what stands in the way.\n" +
			"The exit code is 0 if one of them works, 4 if none does.",
		Example: "  connsnoop check\n  connsnoop check --json | schemas validate",
	}
	addBTF(cmd.Flags(), &options)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a conn-check/v1 document")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		report := connsnoop.Check(options)
		if err := writeCheck(cmd.OutOrStdout(), report, asJSON); err != nil {
			return err
		}
		if !report.OK {
			return exitcode.Quiet(exitcode.Unsupported)
		}
		return nil
	}
	return cmd
}

func writeCheck(w io.Writer, r connsnoop.CheckReport, asJSON bool) error {
	if asJSON {
		return writeDocument(w, r)
	}
	if err := writeBackends(w, r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return doctor.Text(w, doctor.Report{Checks: r.Checks})
}

func writeBackends(w io.Writer, r connsnoop.CheckReport) error {
	head := "connsnoop cannot record connections here"
	if r.OK {
		head = fmt.Sprintf("connsnoop can record connections here; --backend auto takes %s", *r.Backend)
	}
	if _, err := fmt.Fprintf(w, "%s\n\n", head); err != nil {
		return err
	}
	for _, b := range r.Backends {
		state := "works"
		if !b.Usable {
			state = "no: " + *b.Reason
		}
		if _, err := fmt.Fprintf(w, "%-13s %s\n", b.Backend, state); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// writeDocument writes JSON in the layout that people read, too.
func writeDocument(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
