package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
)

func printStats(w io.Writer, s *minicontainer.ContainerStats) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if c := s.CPU; c != nil {
		fmt.Fprintf(table, "cpu\t%v (user %v, system %v)\n", time.Duration(c.UsageNS), time.Duration(c.UserNS), time.Duration(c.SystemNS))
		if c.Throttled != nil {
			fmt.Fprintf(table, "throttled\t%d of %d periods\n", *c.Throttled, *c.Periods)
		}
	}
	if m := s.Memory; m != nil {
		fmt.Fprintf(table, "memory\t%d of %s bytes, OOM kills %d\n", m.Current, orMax(m.Max), m.Events.OOMKill)
	}
	if p := s.Pids; p != nil {
		fmt.Fprintf(table, "pids\t%d of %s, refused %d\n", p.Current, orMax(p.Max), p.Refused)
	}
	for _, d := range s.IO {
		fmt.Fprintf(table, "io %s\tread %d bytes, written %d bytes\n", d.Device, d.ReadBytes, d.WriteBytes)
	}
	return table.Flush()
}

func orMax(limit *uint64) string {
	if limit == nil {
		return "max"
	}
	return fmt.Sprint(*limit)
}

func printProcesses(w io.Writer, list *minicontainer.ProcessList) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PID\tINSIDE\tUID\tSTATE\tCOMMAND")
	for _, p := range list.Processes {
		fmt.Fprintf(table, "%d\t%d\t%d\t%s\t%s\n", p.PID, p.InnerPID, p.UID, p.State, oneLine(p.Command))
	}
	return table.Flush()
}
