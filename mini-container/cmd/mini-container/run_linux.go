package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/network"
)

const runExample = `  mini-container run --rootfs ./alpine -- /bin/sh -c 'hostname; ps'
  mini-container run --rootfs ./alpine --user-ns --report run.json -- id
  mini-container run --rootfs ./alpine --user-ns --explain -- true`

const runLong = `Run a command as PID 1 of new pid, mount, uts, ipc, net and cgroup namespaces,
with DIR as its root, a /proc and /dev of its own, few capabilities,
no_new_privs and a filter of system calls.

Exit code: that of the command, or 128+N if signal N killed it; 126 if it
cannot be executed, 127 if it is not there, 2 for wrong usage or input, 4 if
this kernel cannot do it, 128 for a fault of our own. Only in the last five
cases is there a message on stderr.`

// forwarded are the signals passed on to the command.
var forwarded = []os.Signal{
	unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2,
	unix.SIGWINCH, unix.SIGCONT, unix.SIGALRM,
}

type runFlags struct {
	options minicontainer.Options
	limits  limitFlags
	place   placeFlags
	store   *store
	report  string
	stdout  io.Writer
	tty     bool
	detach  bool
	child   bool // the supervisor of a detached container
	explain explainFlags
	subIDs  bool
	uidMaps []string
	gidMaps []string
	times   []string
	binds   []string
	extra   minicontainer.Extra
	changed *pflag.FlagSet
	privilegeFlags
}

func newRun(code *int, store *store) *cobra.Command {
	flags := runFlags{store: store}
	cmd := &cobra.Command{
		Use:     "run --rootfs DIR [flags] -- COMMAND [ARG...]",
		Short:   "Run a command in a new container and wait for it",
		Long:    runLong,
		Example: runExample,
		Args:    commandAfterDash,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.options.Args, flags.stdout = args, cmd.OutOrStdout()
			var err error
			*code, err = flags.run()
			return err
		},
	}
	flags.describe(cmd.Flags())
	cmd.Flags().StringVar(&flags.report, "report", "", "write a container-run/v1 JSON document to `FILE`")
	flags.explain.add(cmd.Flags())
	cmd.Flags().BoolVarP(&flags.tty, "tty", "t", false, "give it a terminal of its own, connected with this one")
	cmd.Flags().BoolVarP(&flags.detach, "detach", "d", false, "print the container's name and return; see logs, stop and delete")
	cmd.Flags().BoolVar(&flags.child, superviseFlag, false, "")
	_ = cmd.Flags().MarkHidden(superviseFlag) // its only error is that there is no such flag
	return cmd
}

// describe adds the flags that say what the container is to be.
func (f *runFlags) describe(flags *pflag.FlagSet) {
	o := &f.options
	flags.StringVar(&o.Rootfs, "rootfs", "", "`DIR` that becomes the root directory (required)")
	flags.StringVar(&o.Hostname, "hostname", minicontainer.DefaultHostname, "`NAME` of the container")
	flags.BoolVar(&o.UserNS, "user-ns", false, "also a new user namespace: you are its root; needs no root outside")
	flags.StringArrayVar(&o.Env, "env", nil, "set `KEY=VALUE` in the command's environment; may be repeated")
	flags.StringVar(&o.Cwd, "workdir", "/", "`DIR` in the container to start in")
	flags.BoolVar(&f.subIDs, "subids", false, "with --user-ns, also map the ids that /etc/subuid and /etc/subgid grant you")
	flags.StringArrayVar(&f.uidMaps, "uid-map", nil, "with --user-ns, map `CONTAINER:HOST:COUNT` user ids; may be repeated")
	flags.StringArrayVar(&f.gidMaps, "gid-map", nil, "with --user-ns, map `CONTAINER:HOST:COUNT` group ids; may be repeated")
	flags.BoolVar(&o.Time, "time-ns", false, "also a new time namespace")
	flags.StringArrayVar(&f.times, "time-offset", nil, "shift a clock in a new time namespace: `CLOCK=DURATION`, where CLOCK is monotonic, boottime or both; may be repeated")
	flags.StringArrayVar(&f.binds, "bind", nil, "show `SOURCE:DESTINATION[:OPTIONS]` of the host, with all below it; options as in mount(8): ro, rro, nosuid, noexec, dev, idmap, rslave; may be repeated")
	flags.BoolVar(&o.ReadonlyRoot, "read-only", false, "make the root directory read-only")
	flags.BoolVar(&f.extra.Overlay, "overlay", false, "keep changes to the root directory in memory, and forget them at the end")
	flags.BoolVar(&f.extra.IDMapRoot, "idmap-root", false, "with --user-ns, let the files in the root directory belong to the mapped ids")
	flags.BoolVar(&f.extra.Init, "init", false, "run the command below a PID 1 that reaps orphans and passes signals on")
	f.add(flags)
	f.changed = flags
	f.limits.add(flags)
	f.place.add(flags)
}

// commandAfterDash insists on "--": otherwise a forgotten one would turn the
// command's flags into ours.
func commandAfterDash(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	if len(args) == 0 {
		return errors.New("no command given: put it after --")
	}
	if dash != 0 {
		return fmt.Errorf("unexpected argument %q: put the command after --", args[0])
	}
	return nil
}

func (f *runFlags) run() (int, error) {
	if err := f.prepare(); err != nil {
		return 0, exitcode.With(exitcode.Usage, err)
	}
	heard := f.store.heard
	if heard == nil {
		heard = listen()
	}
	container, err := f.container()
	if err != nil {
		return 0, exitcode.With(exitcode.Usage, err)
	}
	container.Signals, container.Blind = heard.queue, f.report == ""
	if f.detach && !f.child {
		return 0, detach(os.Args[1:], f.options.Args, f.stdout)
	}
	if f.records() {
		return f.record()
	}
	container.Marks = f.explain.recorded
	start := (*minicontainer.Container).Run
	if f.child {
		if err := f.leave(container); err != nil {
			return 0, exitcode.With(exitcode.Harness, err)
		}
		start = f.supervise
	}
	<-heard.listening
	report, err := start(container)
	if f.report != "" {
		if writeErr := report.Write(f.report); writeErr != nil {
			err = errors.Join(err, writeErr)
			return 0, exitcode.With(exitcode.Harness, err)
		}
	}
	return report.ExitCode, err
}

// translate turns what the flags say into options.
func (f *runFlags) translate() (err error) {
	o := &f.options
	if o.UIDMaps, err = mapFlags(f.uidMaps); err != nil {
		return err
	}
	if o.GIDMaps, err = mapFlags(f.gidMaps); err != nil {
		return err
	}
	if o.Mounts, err = bindFlags(f.binds); err != nil {
		return err
	}
	if o.TimeOffsets, err = timeFlags(f.times); err != nil {
		return err
	}
	mapped := len(o.UIDMaps)+len(o.GIDMaps) > 0
	switch {
	case (mapped || f.subIDs) && !o.UserNS:
		return errors.New("id maps need --user-ns")
	case mapped && f.subIDs:
		return errors.New("--subids and --uid-map or --gid-map exclude each other")
	case f.subIDs:
		return subIDs(o)
	}
	return nil
}

func (f *runFlags) container() (*minicontainer.Container, error) {
	f.options.HostNet = f.place.network == string(network.Host)
	c := &minicontainer.Container{
		Spec: minicontainer.NewSpec(f.options), Extra: f.extra, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	c.Detached, c.Spec.Process.Terminal = f.detach, f.tty
	var err error
	if c.Spec.Linux.Resources, err = f.limits.resources(); err != nil {
		return nil, err
	}
	if err := f.apply(c, f.changed); err != nil {
		return nil, err
	}
	return c, f.place.apply(c, f.store)
}

// prepare looks at what the flags name before anything is started.
func (f *runFlags) prepare() error {
	if f.options.Rootfs == "" {
		return errors.New("--rootfs is required")
	}
	f.options.HostUID, f.options.HostGID = uint32(os.Geteuid()), uint32(os.Getegid())
	if err := f.translate(); err != nil {
		return err
	}
	if f.detach && f.explain.text {
		return errors.New("--explain and --detach exclude each other: nobody would read it; there is --explain-json")
	}
	if f.report == "" || minicontainer.IsThrough(f.report) {
		return nil
	}
	if err := unix.Access(filepath.Dir(f.report), unix.W_OK); err != nil {
		return fmt.Errorf("write report to %s: %w", filepath.Dir(f.report), err)
	}
	return nil
}
