package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// probeBudget bounds the boot of the probe sector under KVM. A healthy KVM
// needs a few tenths of a second; a KVM that is nested and emulates each
// instruction opens like any other, then takes seconds.
const probeBudget = 1500 * time.Millisecond

// Prober finds out which accelerator is really usable. The zero value looks
// at this machine.
type Prober struct {
	Device string // "/dev/kvm"
	// Time boots the probe sector and returns how long that took.
	Time func(ctx context.Context, a Accelerator) (time.Duration, error)
}

// Choose turns a request into an accelerator: "kvm" and "tcg" are taken as
// they are (kvm fails if it cannot be used, it never falls back), "auto" or ""
// measures.
func (p Prober) Choose(ctx context.Context, request string) (Accelerator, error) {
	switch request {
	case "tcg":
		return TCG("asked for"), nil
	case "kvm":
		if reason := p.refuse(ctx); reason != "" {
			return Accelerator{}, fmt.Errorf("use kvm: %s (choose --accel auto or tcg)", reason)
		}
		return KVM("asked for"), nil
	case "", "auto":
		return p.auto(ctx)
	}
	return Accelerator{}, fmt.Errorf("unknown accelerator %q (want auto, kvm or tcg)", request)
}

func (p Prober) auto(ctx context.Context) (Accelerator, error) {
	reason := p.refuse(ctx)
	if err := ctx.Err(); err != nil {
		return Accelerator{}, err
	}
	a := KVM("boots the probe within its budget")
	if reason != "" {
		a = TCG(reason)
	}
	a.Auto = true
	return a, nil
}

// refuse returns why KVM is not to be used, or "".
func (p Prober) refuse(ctx context.Context) string {
	device := p.Device
	if device == "" {
		device = "/dev/kvm"
	}
	if reason := openReason(device); reason != "" {
		return reason
	}
	timer := p.Time
	if timer == nil {
		timer = timeSector
	}
	budget, cancel := context.WithTimeout(ctx, probeBudget)
	defer cancel()
	took, err := timer(budget, KVM("probe"))
	switch {
	case budget.Err() != nil:
		return fmt.Sprintf("kvm opens but did not boot a 512 byte sector within %v", probeBudget)
	case err != nil:
		return fmt.Sprintf("kvm opens but does not boot: %v", err)
	}
	return compare(ctx, timer, took)
}

// compare refuses a KVM that is slower than no KVM at all.
func compare(ctx context.Context, timer func(context.Context, Accelerator) (time.Duration, error), kvm time.Duration) string {
	tcg, err := timer(ctx, TCG("probe"))
	if err == nil && kvm > 3*tcg {
		return fmt.Sprintf("kvm took %v to boot a sector, tcg %v", kvm.Round(time.Millisecond), tcg.Round(time.Millisecond))
	}
	return ""
}

func openReason(device string) string {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Sprintf("%s: %v", device, err)
	}
	_ = f.Close()
	return ""
}

// exitCode writes 0x10 to the isa-debug-exit port, upon which QEMU exits with
// (0x10<<1)|1 = 33.
var exitCode = []byte{
	0xba, 0x01, 0x05, // mov dx, 0x501
	0xb0, 0x10, // mov al, 0x10
	0xee,       // out dx, al
	0xf4,       // hlt
	0xeb, 0xfd, // jmp to hlt
}

// sector is a boot sector that ends at once.
func sector() []byte { return bootable(exitCode) }

// bootable makes a boot sector of code.
func bootable(code []byte) []byte {
	s := make([]byte, 512)
	copy(s, code)
	s[510], s[511] = 0x55, 0xaa
	return s
}

const sectorExit = 33

func timeSector(ctx context.Context, a Accelerator) (time.Duration, error) {
	return timeBoot(ctx, a, sector())
}

// timeBoot boots a sector and returns how long it took until its end.
func timeBoot(ctx context.Context, a Accelerator, sector []byte) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "vmtest-probe-")
	if err != nil {
		return 0, fmt.Errorf("make probe directory: %w", err)
	}
	defer os.RemoveAll(dir)
	image := filepath.Join(dir, "sector")
	if err := os.WriteFile(image, sector, 0o600); err != nil {
		return 0, fmt.Errorf("write probe sector: %w", err)
	}
	argv := Machine{Devices: []Device{Compute{MemoryBytes: 32 << 20, CPUs: 1, Accelerator: a}}}.Argv()
	argv = append(argv, "-device", "isa-debug-exit,iobase=0x501,iosize=0x02",
		"-drive", "if=ide,format=raw,readonly=off,snapshot=on,file="+escape(image))
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = dieWithParent()
	cmd.WaitDelay = time.Second
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == sectorExit {
		return took, nil
	}
	return 0, fmt.Errorf("run %s: %v: %s", argv[0], err, lastLine(out))
}
