package doctor

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// install is the remedy for a missing tool.
const install = "run ci/install-deps.sh as root"

var versionForm = regexp.MustCompile(`v?(\d+(?:\.\d+)+)`)

// version asks a program for its version; "" if it is not there or does not
// say.
func (m Machine) version(ctx context.Context, name string) string {
	out, err := m.Output(ctx, name, "--version")
	if err != nil {
		return ""
	}
	if found := versionForm.FindStringSubmatch(out); found != nil {
		return found[1]
	}
	return ""
}

func qemuVersion(ctx context.Context, m Machine) Check {
	c := Check{ID: "qemu", Title: "QEMU", Status: OK, Value: m.version(ctx, "qemu-system-x86_64")}
	if c.Value == "" {
		c.Status, c.Detail, c.Remedy = Fail, "qemu-system-x86_64 does not run; make vmtest needs it", install
	}
	return c
}

func accelerator(ctx context.Context, m Machine) Check {
	c := Check{ID: "accelerator", Title: "accelerator of virtual machines", Status: OK}
	name, reason, err := m.Accelerator(ctx)
	if err != nil {
		c.Status, c.Detail = Unknown, err.Error()
		return c
	}
	c.Value, c.Detail = name, reason
	if name != "kvm" {
		c.Status = Warn
		c.Remedy = "nothing needs to be done: virtual machines are emulated, about ten times slower; a usable /dev/kvm makes them fast"
	}
	return c
}

// bpftrace below 0.17 prints other JSON than the runner of week 11 knows.
func bpftrace(ctx context.Context, m Machine) Check {
	c := Check{ID: "bpftrace", Title: "bpftrace", Status: OK, Value: m.version(ctx, "bpftrace")}
	var major, minor int
	_, _ = fmt.Sscanf(c.Value, "%d.%d", &major, &minor)
	switch {
	case c.Value == "":
		c.Status, c.Detail = Warn, "not installed; week 11 then runs in virtual machines only"
		c.Remedy = "apt-get install bpftrace"
	case major == 0 && minor < 17:
		c.Status, c.Detail, c.Remedy = Warn, "older than 0.17, which week 11 needs", inVM
	}
	return c
}

func clang(ctx context.Context, m Machine) Check {
	c := Check{ID: "clang", Title: "clang for BPF", Status: OK, Value: m.version(ctx, "clang-19")}
	if c.Value == "" {
		c.Status, c.Detail, c.Remedy = Warn, "clang-19 is not installed; make generate needs it", install
	}
	return c
}

// diskTools are what the harness makes its disks with.
func diskTools(_ context.Context, m Machine) Check {
	c := Check{ID: "disk-tools", Title: "tools that make the guest's disks", Status: OK}
	var have, missing []string
	for _, name := range []string{"mmdebstrap", "mke2fs", "depmod", "dpkg-deb"} {
		if m.LookPath(name) {
			have = append(have, name)
		} else {
			missing = append(missing, name)
		}
	}
	c.Value = strings.Join(have, " ")
	if len(missing) > 0 {
		c.Status, c.Detail, c.Remedy = Fail, "not found: "+strings.Join(missing, " ")+" (is /usr/sbin in PATH?)", install
	}
	return c
}
