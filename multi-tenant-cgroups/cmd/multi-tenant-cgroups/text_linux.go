package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	mtc "namespaces-cgroups-ebpf/multi-tenant-cgroups"
)

// writeVerify prints a table for people.
func writeVerify(out io.Writer, report mtc.VerifyReport) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TENANT\tCONTROL\tLIMIT\tREACHED\tWITHOUT LIMIT\tVERDICT")
	for _, t := range report.Tenants {
		for _, p := range t.Proofs {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Name, p.Control, p.PolicyValue, reached(p.Measured), reached(p.ControlRun), p.Verdict)
		}
		fmt.Fprintf(table, "%s\tneighbours\t\t%d of %d counters moved\t\t%s\n", t.Name, len(t.Neighbours.Changed), t.Neighbours.Checked, t.Neighbours.Verdict)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	for _, t := range report.Tenants {
		for _, p := range t.Proofs {
			if p.Verdict != mtc.Pass {
				fmt.Fprintf(out, "%s %s: %s: %s\n", t.Name, p.Control, p.Verdict, p.Reason)
			}
		}
	}
	_, err := fmt.Fprintf(out, "kernel %s: %s\n", report.Kernel, report.Verdict)
	return err
}

func reached(r mtc.Run) string {
	switch {
	case !r.Ran:
		return "not run"
	case r.Touched != nil:
		return fmt.Sprintf("%.1f MiB (%s)", float64(*r.Touched)/(1<<20), ending(r))
	case r.Processes != nil:
		return fmt.Sprintf("%d processes (%s)", *r.Processes, ending(r))
	}
	if *r.Periods == 0 {
		return fmt.Sprintf("%.2f of limit", r.LimitUsed)
	}
	return fmt.Sprintf("%.2f of limit (throttled in %d of %d periods)", r.LimitUsed, *r.Throttled, *r.Periods)
}

func ending(r mtc.Run) string {
	switch {
	case r.Completed:
		return "completed"
	case r.Signal != 0:
		return fmt.Sprintf("signal %d", r.Signal)
	case r.Errno != 0:
		return fmt.Sprintf("errno %d", r.Errno)
	}
	return "out of time"
}
