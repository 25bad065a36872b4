package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/diagram"
)

const diagramLong = `Draw what isolates a process: which namespaces are its own and which it shares
with the host, what belongs to its user namespace, its cgroup with the limits in
force, its mounts, and the interfaces of its network with what they lead to.

With a PID, or the name of a container, it is read from the kernel as inspect
does; for interfaces it takes root. Without, the flags of run say what would be made; nothing is.`

const diagramExample = `  mini-container diagram web
  sudo mini-container diagram --svg $(podman inspect -f '{{.State.Pid}}' db) > db.svg
  mini-container diagram --user-ns --time-ns --memory 64M --network none`

func newDiagram(s *store) *cobra.Command {
	var asSVG bool
	flags := runFlags{store: s}
	cmd := &cobra.Command{
		Use: "diagram [PID|ID | FLAGS]", Short: "Draw the namespaces of a process, or of a container to be",
		Long: diagramLong, Example: diagramExample, Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := flags.picture(args)
			if err != nil {
				return err
			}
			if asSVG {
				return p.SVG(cmd.OutOrStdout())
			}
			return p.Text(cmd.OutOrStdout())
		},
	}
	flags.describe(cmd.Flags())
	cmd.Flags().BoolVar(&asSVG, "svg", false, "print an SVG document, for light and dark pages")
	return cmd
}

func (f *runFlags) picture(args []string) (*diagram.Picture, error) {
	if len(args) == 0 {
		return f.plannedPicture()
	}
	report, err := f.store.inspect(args[0], false)
	if err != nil {
		return nil, err
	}
	return minicontainer.PictureOf(report), nil
}

// plannedPicture makes of the flags what run would, and starts nothing.
func (f *runFlags) plannedPicture() (*diagram.Picture, error) {
	f.options.HostUID, f.options.HostGID = uint32(os.Geteuid()), uint32(os.Getegid())
	f.options.Args = []string{"command"}
	err := f.translate()
	if err == nil {
		var c *minicontainer.Container
		if c, err = f.container(); err == nil {
			return minicontainer.PictureOfPlan(c), nil
		}
	}
	var coded *exitcode.Error
	if errors.As(err, &coded) {
		return nil, err
	}
	return nil, exitcode.With(exitcode.Usage, err)
}
