package main

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	shared "namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/namespaces-cgroups-ebpf/internal/doctor"
)

func newDoctor() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what this machine can do for the labs, and what to do about the rest",
		Long: `Doctor looks at the running kernel, its settings and the tools that are
installed, and says for each problem how to mend it.

A warning is a limit of this machine: the labs then run in virtual machines
(make vmtest). A failure is something without which those do not run either.

Exit status: 0 no check failed, 1 one did, 2 bad usage.`,
		Example: `  namespaces-cgroups-ebpf doctor
  namespaces-cgroups-ebpf doctor --json | schemas validate`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := doctor.Examine(cmd.Context(), doctor.ThisMachine())
			if err := printDoctor(cmd, report, asJSON); err != nil {
				return err
			}
			if !report.OK {
				return exitcode.With(exitcode.Fail, errors.New("this machine lacks something; see the remedies"))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print doctor/v1")
	return cmd
}

func printDoctor(cmd *cobra.Command, report doctor.Report, asJSON bool) error {
	if !asJSON {
		return shared.Text(cmd.OutOrStdout(), report)
	}
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	return e.Encode(report)
}
