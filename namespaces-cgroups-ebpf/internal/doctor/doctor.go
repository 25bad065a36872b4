package doctor

import (
	"context"

	"namespaces-cgroups-ebpf/internal/doctor"
)

// Report is doctor/v1, Check one of its checks.
type (
	Report = doctor.Report
	Check  = doctor.Check
	Status = doctor.Status
)

// A warning is a limit of this machine; a failure keeps the VM harness from
// running; unknown could not be found out.
const (
	OK      = doctor.OK
	Warn    = doctor.Warn
	Fail    = doctor.Fail
	Unknown = doctor.Unknown
)

// Examine runs every check, in the order of the report.
func Examine(ctx context.Context, m Machine) Report {
	var checks []Check
	for _, look := range []func(context.Context, Machine) Check{
		runningKernel, btf, controllers, kprobes, lockdown, unprivilegedBPF, paranoid,
		bpftrace, clang, qemuVersion, accelerator, diskTools,
	} {
		checks = append(checks, look(ctx, m))
	}
	return doctor.New(checks...)
}
