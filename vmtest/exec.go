package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

// ExecConfig is one command for one or several kernels.
type ExecConfig struct {
	// Config is that of the VMs; Kernel is not used.
	Config
	// Kernels are what Config.Kernel may be.
	Kernels []string
	// Argv is the program and its arguments. A name without a slash is looked
	// up in the guest; a path is the guest's if it has that, else the host's,
	// and then the file is copied to the same place.
	Argv []string
	// Env adds to the environment: KEY=value, or KEY for the host's value.
	Env []string
	// Dir is the working directory in the guest; "" is the host's, if a mount
	// covers that, else "/".
	Dir string
	// UID and GID the command runs with. What is mounted belongs to them.
	UID, GID uint32
	// Modules are loaded before the command starts: by name, or, with a slash,
	// files of the host.
	Modules []string
	// Timeout of the command; 0 is none. It is sent SIGQUIT first.
	Timeout time.Duration
	// Jobs is how many VMs run at once; 0 is one.
	Jobs int
	// Gets are copied from the guest when the command has ended.
	Gets []ExecGet
	// Out is a directory that gets each kernel's outputs and logs; "" is none.
	Out string
	// OutputLimitBytes bounds the output on each kernel; 0 is no limit.
	OutputLimitBytes int64
	// Stdin is read when a command wants it; each kernel gets all of it.
	Stdin io.Reader
	// Stdout and Stderr get the output as it comes, kernel by kernel.
	Stdout, Stderr io.Writer
	// Signals are passed on to the running commands. The second SIGINT,
	// SIGTERM or SIGHUP ends their VMs; nil is none.
	Signals <-chan syscall.Signal
	// Terminal gives the command a terminal; nil is none.
	Terminal *Terminal
}

// Terminal is the size of the host's terminal, which the guest's follows.
type Terminal struct {
	Rows, Cols uint16
	// Resized tells new sizes.
	Resized <-chan Terminal
	// Attach is called when the command starts, and what it returns when it
	// has ended: between them, the host's terminal is the guest's.
	Attach func() (detach func(), err error)
}

// ExecGet names something of the guest that is wanted on the host.
type ExecGet struct {
	// Path is absolute in the guest: a file or a directory.
	Path string
	// Dir of the host gets it, and is made if need be; with several kernels,
	// each has a directory in it.
	Dir string
}

// Exec runs a command on each kernel. The error is one that was found before
// anything was booted, and carries an exit code; how the command fared is in
// the report.
func Exec(ctx context.Context, c ExecConfig) (ExecReport, error) {
	e, err := newExecution(c)
	if err != nil {
		return ExecReport{}, exitcode.With(exitcode.Usage, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.Signals != nil {
		go e.signals.forward(ctx, c.Signals, cancel)
	}
	defer e.close()
	if err := e.prepare(ctx); err != nil {
		if exitcode.Of(err) == exitcode.Usage {
			return ExecReport{}, err
		}
		e.blame(err)
	} else {
		e.runAll(ctx)
	}
	return e.report(), nil
}

// execution is one call of Exec.
type execution struct {
	ExecConfig
	cwd     string
	quiet   bool // go test takes what we say for output of the test
	began   time.Time
	outputs []execOutput // what is copied back, besides Gets
	order   *outputOrder
	stdin   *replay
	signals *signalFan

	shared  *assets
	source  kernels.Source
	work    *workDir
	mu      sync.Mutex
	results []ExecResult
	names   map[string]int // of kernels: whose directory in Out is whose
}

// newExecution checks what can be checked without looking at the root disk.
func newExecution(c ExecConfig) (*execution, error) {
	c.Config = c.withDefaults()
	e := &execution{ExecConfig: c, began: time.Now(), signals: newSignalFan(), names: map[string]int{}}
	switch {
	case len(c.Kernels) == 0:
		return nil, errors.New("no kernel named")
	case len(c.Argv) == 0:
		return nil, errors.New("no command named")
	case c.Dir != "" && !filepath.IsAbs(c.Dir):
		return nil, fmt.Errorf("working directory %s is not absolute", c.Dir)
	case c.Terminal != nil && len(c.Kernels) > 1:
		return nil, errors.New("a terminal has one kernel at a time")
	}
	for _, get := range c.Gets {
		if !filepath.IsAbs(get.Path) || get.Dir == "" {
			return nil, fmt.Errorf("get %s: want an absolute path in the guest and a directory of the host", get.Path)
		}
	}
	if _, err := selectSeries(e.Config, c.Kernels); err != nil {
		return nil, err
	}
	for i, spec := range c.Kernels {
		if slices.Contains(c.Kernels[:i], spec) {
			return nil, fmt.Errorf("kernel %s named twice", spec)
		}
		e.results = append(e.results, ExecResult{Spec: spec, Kernel: shortName(spec), Outcome: report.Infra, Reason: "not run"})
	}
	if err := e.locate(); err != nil {
		return nil, err
	}
	e.stdin = newReplay(c.Stdin)
	e.order = newOutputOrder(c.Stdout, c.Stderr)
	// The reader of our output has gone: so has that of the command's.
	e.order.broken = func() { e.signals.pass(syscall.SIGPIPE) }
	return e, nil
}

// prepare makes what the VMs of all kernels share.
func (e *execution) prepare(ctx context.Context) (err error) {
	if e.shared, err = prepareShared(ctx, e.Config, e.Log); err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	if err := e.checkProgram(ctx, e.shared.image.Path); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	if e.source, err = kernelSource(e.Config, e.Log); err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	e.shared.config = e.Config
	if e.work, err = newWorkDir(); err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	if !slices.ContainsFunc(e.Mounts, func(m Mount) bool { return m.Source != "" }) && e.Payload == "" {
		return nil
	}
	e.shared.payloadDisk, err = buildPayload(ctx, e.Payload, e.Mounts, image.Owner{UID: e.UID, GID: e.GID}, e.work, e.note)
	if err != nil && ctx.Err() == nil {
		return exitcode.With(exitcode.Usage, err)
	}
	return exitcode.With(exitcode.Harness, err)
}

func (e *execution) runAll(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(max(e.Jobs, 1))
	for i := range e.Kernels {
		group.Go(func() error {
			out := e.order.open(i)
			defer out.close()
			run := kernelExec{execution: e, out: out, result: e.results[i]}
			run.run(ctx)
			e.mu.Lock()
			defer e.mu.Unlock()
			e.results[i] = run.result
			return nil
		})
	}
	_ = group.Wait()
}

// blame charges all kernels with a fault of ours.
func (e *execution) blame(err error) {
	for i := range e.results {
		e.results[i].Outcome, e.results[i].Reason = report.Infra, oneLineOf(err)
	}
	if e.Stderr != nil {
		fmt.Fprintf(e.Stderr, "vmtest: %v\n", err)
	}
}

// note tells of a file that a mount leaves out.
func (e *execution) note(text string) {
	if e.Stderr != nil && !e.quiet {
		fmt.Fprintln(e.Stderr, "vmtest: "+text)
	}
}

// input is standard input for one kernel: all of it for each.
func (e *execution) input() io.Reader {
	if len(e.Kernels) == 1 {
		return e.Stdin
	}
	return e.stdin.reader()
}

func (e *execution) close() {
	if e.work != nil {
		_ = e.work.Close()
	}
	e.order.discard()
	e.stdin.close()
}

// oneLineOf is an error's text without line breaks.
func oneLineOf(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
