package devices

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// programName is how bpftool shows the program, and how Replace knows it.
const programName = "mc_devices"

// allowMulti lets a cgroup above have a program of its own, and asks all of
// them: BPF_F_ALLOW_MULTI.
const allowMulti = 1 << 1

// Attach lets the rules hold in the cgroup that is open at dir. The program
// belongs to the cgroup and is gone with it: unlike a BPF link it does not
// need anybody to live.
func Attach(dir int, rules []Rule) error {
	program, err := load(rules)
	if err != nil {
		return err
	}
	defer closeProgram(program)
	return attach(dir, program, nil)
}

// Replace lets other rules hold from one moment to the next: there is none in
// between at which no rules do.
func Replace(dir int, rules []Rule) error {
	program, err := load(rules)
	if err != nil {
		return err
	}
	defer closeProgram(program)
	old, err := find(dir)
	if err != nil {
		return err
	}
	if old == nil {
		return attach(dir, program, nil)
	}
	defer closeProgram(old)
	return attach(dir, program, link.ReplaceProgram(old))
}

// closeProgram lets go of our descriptor; the program has no end of its own
// that could fail.
func closeProgram(program *ebpf.Program) { _ = program.Close() }

func attach(dir int, program *ebpf.Program, anchor link.Anchor) error {
	err := link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: dir, Program: program, Attach: ebpf.AttachCGroupDevice, Anchor: anchor, Flags: allowMulti,
	})
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w (a cgroup above has a device filter that allows no other)", err)
	}
	return explain("attach", err)
}

// load hands the program to the kernel. Before 5.11 programs count as locked
// memory, of which there may be 64 KiB; they do so only while they are loaded.
func load(rules []Rule) (*ebpf.Program, error) {
	spec := &ebpf.ProgramSpec{
		Name: programName, Type: ebpf.CGroupDevice, AttachType: ebpf.AttachCGroupDevice, License: "GPL", Instructions: Compile(rules),
	}
	options := ebpf.ProgramOptions{LogDisabled: true}
	program, err := ebpf.NewProgramWithOptions(spec, options)
	if !errors.Is(err, unix.EPERM) {
		return program, explain("load", err)
	}
	restore, limitErr := raiseMemlock()
	if limitErr != nil {
		return nil, explain("load", err)
	}
	defer restore()
	program, err = ebpf.NewProgramWithOptions(spec, options)
	return program, explain("load", err)
}

// raiseMemlock takes the limit away until restore is called: what the
// container inherits is not ours to change.
func raiseMemlock() (restore func(), err error) {
	var old unix.Rlimit
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(0, unix.RLIMIT_MEMLOCK, &none, &old); err != nil {
		return nil, fmt.Errorf("raise limit of locked memory: %w", err)
	}
	return func() { _ = unix.Prlimit(0, unix.RLIMIT_MEMLOCK, &old, nil) }, nil
}

// find opens our program in a cgroup; nil if there is none.
func find(dir int) (*ebpf.Program, error) {
	attached, err := link.QueryPrograms(link.QueryOptions{Target: dir, Attach: ebpf.AttachCGroupDevice})
	if err != nil {
		return nil, explain("find", err)
	}
	for _, a := range attached.Programs {
		program, err := ebpf.NewProgramFromID(a.ID)
		if err != nil {
			return nil, explain("open", err)
		}
		if info, err := program.Info(); err == nil && info.Name == programName {
			return program, nil
		}
		closeProgram(program)
	}
	return nil, nil
}

// explain tells a kernel that cannot or does not let us from a fault.
func explain(verb string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM):
		err = exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (it takes CAP_BPF and CAP_NET_ADMIN outside)", err))
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
		err = exitcode.With(exitcode.Unsupported, fmt.Errorf("%w (this kernel has no BPF device filter: CONFIG_CGROUP_BPF)", err))
	default:
		err = exitcode.With(exitcode.Harness, err)
	}
	return fmt.Errorf("%s device filter: %w", verb, err)
}
