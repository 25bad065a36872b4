package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

const inspectLong = `Report what isolates a process: its namespaces, whom it shares them with and to
whom they belong, id maps, clocks, mounts, capabilities, seccomp, Landlock, the
label of a security module, cgroup limits as they come out with those above, and
resource limits. All of it is read from the kernel, of the process's first
thread: it may be anybody's, a container of podman or Docker too.

A number is a process ID; anything else is the name of a container. To look at a
container whose name is a number, give --container.

What the kernel does not tell, or not to you, is listed as unknown with the
reason; with sudo there is more to see. Exit code 2: no such process or
container; 1: it ended while it was looked at.`

const inspectExample = `  mini-container inspect $$                      # your shell
  mini-container inspect web                     # a container of yours
  sudo mini-container inspect $(podman inspect -f '{{.State.Pid}}' db)
  mini-container inspect --json $$ | jq -r '.namespaces[] | select(.shared_with_init == false).type'`

func newInspect(s *store) *cobra.Command {
	var asJSON, byName bool
	cmd := &cobra.Command{
		Use: "inspect PID|ID", Short: "Report what isolates any process, from what the kernel says",
		Long: inspectLong, Example: inspectExample, Args: cobra.ExactArgs(1),
		ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := s.inspect(args[0], byName)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			return report.Text(cmd.OutOrStdout(), wantsColor(cmd.OutOrStdout()))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a container-inspect/v1 JSON document")
	cmd.Flags().BoolVar(&byName, "container", false, "the argument is the name of a container even if it is a number")
	return cmd
}

// inspect looks at a process by its number, or at a container's first one.
func (s *store) inspect(which string, byName bool) (*inspect.Report, error) {
	pid, err := strconv.Atoi(which)
	if err != nil || byName {
		return s.inspectContainer(which)
	}
	if pid < 1 {
		return nil, exitcode.With(exitcode.Usage, fmt.Errorf("process id %q is not a positive number", which))
	}
	report, err := minicontainer.Inspect(pid)
	return report, inspectCode(err)
}

func (s *store) inspectContainer(id string) (*inspect.Report, error) {
	c, err := s.find(id)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	report, err := c.Inspect()
	return report, inspectCode(err)
}

// inspectCode: who names a process that there is not, is wrong; one that ends
// is nobody's fault.
func inspectCode(err error) error {
	switch {
	case errors.Is(err, inspect.ErrNoProcess), errors.Is(err, inspect.ErrThread):
		return exitcode.With(exitcode.Usage, err)
	case errors.Is(err, inspect.ErrEnded):
		return exitcode.With(exitcode.Fail, err)
	}
	return err
}

// wantsColor follows no-color.org.
func wantsColor(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
