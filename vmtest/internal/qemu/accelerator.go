package qemu

import "fmt"

// Accelerator is how guest instructions run, and why that was chosen.
type Accelerator struct {
	Name   string // "kvm" or "tcg"
	Reason string
	// Auto is set where we chose: only then may a boot that does not come up
	// under KVM be repeated under TCG.
	Auto bool
}

// TCG is QEMU's own translator. Always single-threaded: with thread=multi
// kernels that patch their own text (kprobes, static keys) panic or hang.
func TCG(reason string) Accelerator { return Accelerator{Name: "tcg", Reason: reason} }

// KVM is hardware virtualisation.
func KVM(reason string) Accelerator { return Accelerator{Name: "kvm", Reason: reason} }

func (a Accelerator) args() []string {
	if a.Name == "kvm" {
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	return []string{"-accel", "tcg,thread=single", "-cpu", "max"}
}

// String is "tcg (reason)".
func (a Accelerator) String() string { return fmt.Sprintf("%s (%s)", a.Name, a.Reason) }
