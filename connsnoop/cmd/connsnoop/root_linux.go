package main

import "github.com/spf13/cobra"

const rootExample = `  # every connection, until Ctrl-C
  connsnoop
  # ten seconds of one service, as JSON lines
  connsnoop trace --duration 10s --port 5432 --format json --output events.jsonl`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "connsnoop",
		Short:   "Record every TCP connection of this machine at its end",
		Long:    "Record every TCP connection of this machine at its end: who opened it,\nfrom where to where, for how long, and how many bytes went each way.\nWithout a subcommand it traces.",
		Example: rootExample,
	}
	addTrace(root)
	trace := &cobra.Command{
		Use:     "trace",
		Short:   "Print one record for each connection that ends",
		Example: rootExample,
	}
	addTrace(trace)
	root.AddCommand(trace, newCheck(), newStats())
	return root
}
