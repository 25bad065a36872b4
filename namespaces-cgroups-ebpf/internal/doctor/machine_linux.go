package doctor

import (
	"context"
	"os/exec"

	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/vmtest"
)

// ThisMachine is the machine that the program runs on.
func ThisMachine() Machine {
	return Machine{
		Root:    "/",
		Release: kernel.Release,
		LookPath: func(name string) bool {
			_, err := exec.LookPath(name)
			return err == nil
		},
		Output: func(ctx context.Context, name string, args ...string) (string, error) {
			out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
			return string(out), err
		},
		Accelerator: func(ctx context.Context) (string, string, error) {
			a, err := vmtest.ProbeAccelerator(ctx)
			return a.Name, a.Reason, err
		},
	}
}
