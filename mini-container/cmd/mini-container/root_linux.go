package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/cli"
	"namespaces-cgroups-ebpf/internal/exitcode"
)

const name = "mini-container"

// run is main without the exit: the command's exit code if there was one,
// else that of our own error.
func run(args []string, stdout, stderr io.Writer) int {
	code := exitcode.Pass
	s := &store{}
	root := newRoot(s)
	if len(args) > 0 && args[0] == "run" {
		s.heard = listen()
		// To describe the flags of all the others takes as long as to mount
		// the file systems of a container.
		root.CompletionOptions.DisableDefaultCmd = true
		root.AddCommand(newRun(&code, s))
	} else {
		addCommands(root, &code, s)
	}
	if own := cli.Run(context.Background(), root, args, stdout, stderr); own != exitcode.Pass {
		return own
	}
	return code
}

func newRoot(s *store) *cobra.Command {
	root := &cobra.Command{Use: name, Short: "Run a command in a container built by hand",
		Example: "  mini-container run --rootfs ./alpine --user-ns -- sh\n  mini-container explain | less\n  mini-container inspect $$"}
	root.PersistentFlags().StringVar(&s.dir, "state-dir", "", "`DIR` where containers are remembered; default /run/mini-container, or below XDG_RUNTIME_DIR")
	return root
}

// addCommands completes the command tree; a command that ran leaves its exit
// code in code.
func addCommands(root *cobra.Command, code *int, s *store) {
	root.AddCommand(newRun(code, s), newExec(code, s), newList(s), newGC(s), newPs(s), newStats(s), newUpdate(s), newPause(s), newResume(s), newKill(s), newExplain(), newInspect(s), newDiagram(s), newStop(s), newLogs(s), newDelete(s))
}
