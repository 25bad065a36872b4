package vmtest

import (
	"context"

	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// Accelerator is how guest instructions run ("kvm" or "tcg"), and why.
type Accelerator = qemu.Accelerator

// ProbeAccelerator measures which accelerator is really usable on this
// machine. It takes about half a second, two at most, and needs QEMU.
func ProbeAccelerator(ctx context.Context) (Accelerator, error) {
	return qemu.Prober{}.Choose(ctx, "auto")
}
