package connsnoop

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// widest are what makes the programs largest: filters of the opener leave out
// what is seen only at its end.
func widest() []Options {
	connection := Filter{
		NetNS: []uint64{1}, Ports: []uint16{1}, Prefixes: []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)},
		Family: familyInet, Direction: Connect, Results: []Result{ResultOK},
	}
	opener := connection
	opener.PIDs, opener.UIDs, opener.Comms, opener.CgroupIDs = []uint32{1}, []uint32{1}, []string{"x"}, []uint64{1}
	return []Options{{}, {Events: true, Filter: connection}, {Events: true, Filter: opener}}
}

// Verify loads the programs of each backend, attaches nothing, and reports
// what the kernel says of them. It needs what New needs.
func Verify() (VerifierReport, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return VerifierReport{}, fmt.Errorf("ask for kernel: %w", err)
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return VerifierReport{}, fmt.Errorf("raise memlock limit: %w", err)
	}
	report := VerifierReport{
		Schema: VerifierSchema, Kernel: unix.ByteSliceToString(name.Release[:]), Arch: unix.ByteSliceToString(name.Machine[:]),
		Programs: []VerifiedProgram{}, Refused: []RefusedBackend{},
	}
	kernel, err := kernelTypes("")
	if err != nil {
		return VerifierReport{}, err
	}
	for _, backend := range order {
		programs, err := verify(backend, kernel)
		if err != nil {
			report.Refused = append(report.Refused, RefusedBackend{backend, oneLine{err}.Error()})
			continue
		}
		report.Programs = append(report.Programs, programs...)
	}
	return report, nil
}

// verify takes the largest figures over all options.
func verify(backend Backend, kernel *btf.Spec) (programs []VerifiedProgram, err error) {
	largest := map[string]VerifierCost{}
	for _, options := range widest() {
		if err := measure(options, backend, kernel, largest); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(largest)) {
		programs = append(programs, VerifiedProgram{backend, name, largest[name]})
	}
	return programs, nil
}

func measure(options Options, backend Backend, kernel *btf.Spec, largest map[string]VerifierCost) error {
	const preempts = true // then all programs are there
	spec, hooks, err := prepare(options, backend, kernel, preempts)
	if err != nil {
		return err
	}
	maps.DeleteFunc(spec.Programs, func(name string, _ *ebpf.ProgramSpec) bool { return name != sourceName(name) })
	objects, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		Programs: ebpf.ProgramOptions{LogLevel: ebpf.LogLevelStats},
	})
	if err != nil {
		return fmt.Errorf("load probes: %w", err)
	}
	defer objects.Close()
	if err := attachable(backend, hooks, objects); err != nil {
		return err
	}
	for name, prog := range objects.Programs {
		cost, err := costOf(prog, spec.Programs[name])
		if err != nil {
			return fmt.Errorf("measure %s: %w", name, err)
		}
		largest[name] = cost.max(largest[name])
	}
	return nil
}

// attachable attaches one program for a moment: a kernel that loads programs
// for kprobe.multi may still be without it.
func attachable(backend Backend, hooks []hook, objects *ebpf.Collection) error {
	if backend != BackendKprobeMulti {
		return nil
	}
	last := hooks[len(hooks)-1]
	l, err := last.attach(objects.Programs[last.program], last.target)
	if err != nil {
		return fmt.Errorf("attach %s to %s: %w", last.program, last.target, err)
	}
	return l.Close()
}

func costOf(prog *ebpf.Program, spec *ebpf.ProgramSpec) (cost VerifierCost, err error) {
	processed, stacks, err := parseVerifierLog(prog.VerifierLog)
	if err != nil {
		return cost, err
	}
	info, err := prog.Info()
	if err != nil {
		return cost, fmt.Errorf("ask for program: %w", err)
	}
	functions, err := functionsOf(info, stacks)
	if err != nil {
		return cost, err
	}
	cost.Processed, cost.Stack = processed, deepestStack(spec.Name, functions, callsOf(spec.Instructions))
	translated, err := info.TranslatedSize()
	if err != nil {
		return cost, fmt.Errorf("ask for program: %w", err)
	}
	cost.Translated = uint32(translated)
	cost.Jited, err = info.JitedSize()
	return cost, err
}

// functionsOf gives the stacks their functions: those that the verifier left,
// in the order of the text.
func functionsOf(info *ebpf.ProgramInfo, stacks []uint32) (map[string]uint32, error) {
	left, err := info.FuncInfos()
	if err != nil {
		return nil, fmt.Errorf("ask for functions: %w", err)
	}
	if len(left) != len(stacks) {
		return nil, fmt.Errorf("%d functions, but %d stacks", len(left), len(stacks))
	}
	functions := map[string]uint32{}
	for i, f := range left {
		functions[f.Func.Name] = stacks[i]
	}
	return functions, nil
}

// callsOf says which function calls which.
func callsOf(text asm.Instructions) map[string][]string {
	calls := map[string][]string{}
	caller := ""
	for i := range text {
		if f := btf.FuncMetadata(&text[i]); f != nil {
			caller = f.Name
		}
		if text[i].IsFunctionReference() {
			calls[caller] = append(calls[caller], text[i].Reference())
		}
	}
	return calls
}
