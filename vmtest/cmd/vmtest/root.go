package main

import "github.com/spf13/cobra"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "vmtest",
		Short:   "Run tests on real kernels in virtual machines",
		Example: "  vmtest run --kernels 6.12 --tests connsnoop",
	}
	root.AddCommand(newRun())
	root.AddCommand(newExec())
	root.AddCommand(newDoctor())
	root.AddCommand(newImage())
	root.AddCommand(newKernels())
	root.AddCommand(newBisect())
	root.AddCommand(newShell())
	root.AddCommand(newMatrix())
	root.AddCommand(newMerge())
	completeFlags(root)
	return root
}
