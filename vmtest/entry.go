package vmtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
	"namespaces-cgroups-ebpf/vmtest/internal/verdict"
	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// What happens to an entry that outlives its timeout: SIGQUIT, upon which Go
// programs print their stacks, then SIGKILL, then the VM is given up.
const (
	quitGrace = 3 * time.Second
	killGrace = 15 * time.Second
	// fetchDeadline bounds copying the artifacts out, 64 MiB at most.
	fetchDeadline = 2 * time.Minute
)

// stdoutLimit bounds what is kept in memory of an entry's stdout for judging.
const stdoutLimit = 4 << 20

// nobody is Debian's user and group without any rights, for entries that do
// not need root.
const nobody = 65534

// Where an entry finds things in the guest; the README's guest contract.
const (
	guestBin = "/payload/bin"
	guestOut = "/run/vmtest/out"
)

var errInterrupted = errors.New("interrupted")

// entryRun runs one plan entry in a VM and records it.
type entryRun struct {
	vm      *VM
	entry   plan.Entry
	seed    uint64
	modules []string // besides those of its plan
	dir     string   // on the host, for everything the entry puts out
}

// run records one entry. The second value is the reason why the VM is no
// longer to be used, nil if it is.
func (r *entryRun) run(ctx context.Context) (verdict.Run, error) {
	record := verdict.Run{ID: r.entry.FullID()}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		record.Fault = fmt.Sprintf("make output directory: %v", err)
		return record, nil
	}
	cmd, head, closeOutputs, err := r.command(ctx)
	if err != nil {
		record.Fault = err.Error()
		return record, nil
	}
	begin := time.Now()
	// Start would wait for a guest that hangs before the program runs.
	runErr := cmd.send()
	if runErr == nil {
		record.TimedOut = r.supervise(ctx, cmd)
		runErr = r.await(cmd)
	}
	record.DurationNS = time.Since(begin).Nanoseconds()
	record.Stdout = head.Bytes()
	if err := closeOutputs(); err != nil {
		record.Fault = fmt.Sprintf("write output: %v", err)
	}
	record.Kmsg, record.KmsgLostCount = r.vm.session.takeKmsg()
	writeKmsg(filepath.Join(r.dir, "kmsg.log"), record.Kmsg)
	return r.finish(ctx, cmd, record, runErr)
}

// finish takes the exit record and the artifacts, unless the guest is lost.
// What ended because the run was interrupted has no result: it was us who
// killed it.
func (r *entryRun) finish(ctx context.Context, cmd *Cmd, record verdict.Run, err error) (verdict.Run, error) {
	if ctx.Err() != nil {
		return record, errInterrupted
	}
	var exit *ExitError
	if err != nil && !errors.As(err, &exit) {
		return record, err
	}
	record.Exit = &cmd.exit
	if exit != nil && exit.Exit.Error != "" {
		return record, nil
	}
	lost := r.fetch(ctx, &record)
	return record, lost
}

// command builds the command with its outputs going to files; closing them
// reports a host that could not write.
func (r *entryRun) command(ctx context.Context) (*Cmd, *headBuffer, func() error, error) {
	stdout, err := os.Create(filepath.Join(r.dir, "stdout.log"))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("create stdout log: %w", err)
	}
	stderr, err := os.Create(filepath.Join(r.dir, "stderr.log"))
	if err != nil {
		_ = stdout.Close()
		return nil, nil, nil, fmt.Errorf("create stderr log: %w", err)
	}
	head := &headBuffer{limit: stdoutLimit}
	cmd := r.vm.CommandContext(ctx, r.entry.Argv[0], r.entry.Argv[1:]...)
	out, errOut := &diskWriter{w: stdout}, &diskWriter{w: stderr}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(head, out), errOut
	cmd.Env, cmd.Dir, cmd.OutDir = r.env(), "/payload", guestOut+"/"+r.outName()
	cmd.Modules = slices.Concat(r.modules, r.entry.Needs.Modules)
	if !r.entry.Needs.Root {
		cmd.UID, cmd.GID = nobody, nobody
	}
	return cmd, head, func() error {
		return errors.Join(out.Close(), errOut.Close())
	}, nil
}

func (r *entryRun) outName() string { return r.entry.Deliverable + "-" + r.entry.ID }

// env is the whole environment of an entry.
func (r *entryRun) env() []string {
	return []string{
		"PATH=" + guestBin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "TMPDIR=/tmp", "LANG=C.UTF-8", "VMTEST=1",
		"VMTEST_OUT=" + guestOut + "/" + r.outName(),
		"VMTEST_BIN=" + guestBin + "/" + r.entry.Deliverable,
		fmt.Sprintf("VMTEST_SEED=%d", r.seed),
	}
}

// supervise waits for the command or its timeout, and ends it by force then.
func (r *entryRun) supervise(ctx context.Context, cmd *Cmd) (timedOut bool) {
	timeout := time.NewTimer(r.entry.Timeout())
	defer timeout.Stop()
	select {
	case <-cmd.Exited():
		return false
	case <-ctx.Done():
		return false
	case <-timeout.C:
	}
	_ = cmd.Signal(syscall.SIGQUIT)
	select {
	case <-cmd.Exited():
	case <-time.After(r.vm.assets.speed.scale(quitGrace)):
		_ = cmd.Signal(syscall.SIGKILL)
	}
	return true
}

// await gives the guest a moment to report a command that was killed. A guest
// that does not is stuck.
func (r *entryRun) await(cmd *Cmd) error {
	grace := r.vm.assets.speed.scale(killGrace)
	select {
	case <-cmd.Exited():
		return cmd.Wait()
	case <-time.After(grace):
		return fmt.Errorf("%w: no exit %v after SIGKILL, last heard from %v ago",
			ErrLost, grace, r.vm.session.silence().Round(time.Second))
	}
}

// fetch copies the artifacts to the host and validates them there. Only a lost
// guest is an error.
func (r *entryRun) fetch(ctx context.Context, record *verdict.Run) error {
	dir := filepath.Join(r.dir, "artifacts")
	if err := freshDir(dir); err != nil {
		record.Fault = err.Error()
		return nil
	}
	deadline := r.vm.assets.speed.scale(fetchDeadline)
	late := fmt.Errorf("%w: artifacts did not come within %v", ErrLost, deadline)
	bounded, cancel := context.WithTimeoutCause(ctx, deadline, late)
	defer cancel()
	if err := r.vm.Get(bounded, guestOut+"/"+r.outName(), dir); err != nil {
		if ctx.Err() != nil {
			return errInterrupted
		}
		if errors.Is(err, ErrLost) {
			return err
		}
		if refused := (*refusedError)(nil); errors.As(err, &refused) {
			record.Refused = refused.message
		} else {
			record.Fault = err.Error()
		}
		return nil
	}
	for _, want := range r.entry.Artifacts {
		a, err := r.validate(want)
		if err != nil {
			record.Fault = err.Error()
		}
		record.Artifacts = append(record.Artifacts, a)
	}
	return nil
}

func freshDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear artifacts: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make artifacts directory: %w", err)
	}
	return nil
}

// validate checks one artifact on the host. Nothing that is not a regular file
// below the entry's own directory is opened.
func (r *entryRun) validate(want plan.Artifact) (verdict.Artifact, error) {
	a := verdict.Artifact{Path: want.Path}
	f, err := openArtifact(r.dir, want.Path)
	if errors.Is(err, fs.ErrNotExist) {
		a.Missing = true
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("open artifact %s: %w", want.Path, err)
	}
	defer f.Close()
	result, err := schemas.ValidateAny(want.Path, want.Schema, f)
	if err != nil {
		return a, fmt.Errorf("validate artifact %s: %w", want.Path, err)
	}
	a.Report = &result
	return a, nil
}

// openArtifact opens an artifact of the entry whose outputs are in dir.
func openArtifact(dir, name string) (*os.File, error) {
	if name == plan.Stdout {
		name = "stdout.log"
	} else {
		dir = filepath.Join(dir, "artifacts")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (%v)", info.Mode().Type())
	}
	return root.Open(filepath.FromSlash(name))
}

func writeKmsg(path string, lines []wire.Kmsg) {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "[%12.6f] <%d> %s\n", float64(l.TimeNS)/1e9, l.Level, l.Text)
	}
	_ = os.WriteFile(path, []byte(b.String()), 0o644)
}
