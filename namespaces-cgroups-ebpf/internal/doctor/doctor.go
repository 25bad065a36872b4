package doctor

import "context"

// Schema is the name of the schema of a Report.
const Schema = "doctor/v1"

// Status of a check.
type Status string

// A warning is a limit of this machine; a failure keeps the VM harness from
// running; unknown could not be found out.
const (
	OK      Status = "ok"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Unknown Status = "unknown"
)

// Report is doctor/v1.
type Report struct {
	Schema string  `json:"schema"`
	OK     bool    `json:"ok"` // no check failed
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Status Status `json:"status"`
	Value  string `json:"value"`            // as found
	Detail string `json:"detail,omitempty"` // what follows from it
	Remedy string `json:"remedy,omitempty"` // what to do, unless ok
}

// Examine runs every check, in the order of the report.
func Examine(ctx context.Context, m Machine) Report {
	r := Report{Schema: Schema, OK: true}
	for _, look := range []func(context.Context, Machine) Check{
		runningKernel, btf, controllers, kprobes, lockdown, unprivilegedBPF, paranoid,
		bpftrace, clang, qemuVersion, accelerator, diskTools,
	} {
		c := look(ctx, m)
		r.OK = r.OK && c.Status != Fail
		r.Checks = append(r.Checks, c)
	}
	return r
}
