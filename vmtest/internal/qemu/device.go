package qemu

import (
	"fmt"
	"strings"
)

// Device is one part of a machine: QEMU arguments and the kernel arguments
// that go with them. Either may be empty.
type Device interface {
	Args() []string
	KernelArgs() []string
}

// Boot loads a kernel and an initramfs directly, without a boot loader
// (QEMU manual, "Direct Linux Boot").
type Boot struct {
	Image     string // vmlinuz
	Initramfs string // newc cpio
}

// Args implements Device.
func (b Boot) Args() []string { return []string{"-kernel", b.Image, "-initrd", b.Initramfs} }

// KernelArgs implements Device.
func (Boot) KernelArgs() []string { return nil }

// Compute sets memory, CPU count and accelerator.
type Compute struct {
	MemoryBytes int64
	CPUs        int
	Accelerator Accelerator
}

// Args implements Device.
func (c Compute) Args() []string {
	return append(c.Accelerator.args(), "-m", fmt.Sprintf("%dM", c.MemoryBytes>>20), "-smp", fmt.Sprint(c.CPUs))
}

// KernelArgs implements Device.
func (Compute) KernelArgs() []string { return nil }

// ExitOnPanic makes a panic (and every reboot) end QEMU instead of starting
// over. panic=-1 reboots at once, and -no-reboot turns that into an exit.
type ExitOnPanic struct{}

// Args implements Device.
func (ExitOnPanic) Args() []string { return []string{"-no-reboot"} }

// KernelArgs implements Device.
func (ExitOnPanic) KernelArgs() []string { return []string{"panic=-1"} }

// Console puts the kernel's messages on the first serial port, connected to
// the inherited socket FD.
type Console struct{ FD int }

// Args implements Device.
func (c Console) Args() []string {
	return []string{"-chardev", socket("console", c.FD), "-serial", "chardev:console"}
}

// KernelArgs implements Device. Level 4 leaves warnings and worse: each line
// costs milliseconds under TCG.
func (Console) KernelArgs() []string { return []string{"console=ttyS0", "loglevel=4"} }

// Port is a virtio-serial port connected to the inherited socket FD.
type Port struct {
	Name string
	FD   int
}

// Args implements Device.
func (p Port) Args() []string {
	return []string{
		"-device", "virtio-serial-pci",
		"-chardev", socket("port", p.FD),
		"-device", "virtserialport,chardev=port,name=" + escape(p.Name),
	}
}

// KernelArgs implements Device.
func (Port) KernelArgs() []string { return nil }

// Monitor is the QMP monitor on the inherited socket FD.
type Monitor struct{ FD int }

// Args implements Device.
func (m Monitor) Args() []string {
	return []string{"-chardev", socket("qmp", m.FD), "-mon", "chardev=qmp,mode=control"}
}

// KernelArgs implements Device.
func (Monitor) KernelArgs() []string { return nil }

// Disk is a virtio block device; the guest finds it by its serial.
type Disk struct {
	Serial   string
	Path     string // raw image; a qcow2 one if it is Layered
	ReadOnly bool
	// Layered means that Path is a qcow2 disk over the raw image Base, or over
	// nothing if Base is empty.
	Layered bool
	Base    string
	// Overlay keeps the guest's writes in a file that QEMU has already
	// unlinked, so the image stays as it is and may be shared by VMs.
	Overlay bool
}

// Args implements Device.
func (d Disk) Args() []string {
	drive := fmt.Sprintf("if=none,id=%s,format=%s,file=%s", d.Serial, d.format(), escape(d.Path))
	if d.Base != "" {
		drive += ",backing.driver=raw,backing.file.driver=file,backing.file.filename=" + escape(d.Base)
	}
	if d.ReadOnly {
		drive += ",readonly=on"
	}
	if d.Overlay {
		drive += ",snapshot=on"
	}
	return []string{"-drive", drive, "-device", fmt.Sprintf("virtio-blk-pci,drive=%s,serial=%s", d.Serial, d.Serial)}
}

func (d Disk) format() string {
	if d.Layered {
		return "qcow2"
	}
	return "raw"
}

// KernelArgs implements Device.
func (Disk) KernelArgs() []string { return nil }

// Entropy is a virtio random number generator; without one a guest under TCG
// can wait for its random pool.
type Entropy struct{}

// Args implements Device.
func (Entropy) Args() []string { return []string{"-device", "virtio-rng-pci"} }

// KernelArgs implements Device.
func (Entropy) KernelArgs() []string { return nil }

// KernelParameters are further words of the kernel command line.
type KernelParameters []string

// Args implements Device.
func (KernelParameters) Args() []string { return nil }

// KernelArgs implements Device.
func (k KernelParameters) KernelArgs() []string { return k }

func socket(id string, fd int) string { return fmt.Sprintf("socket,id=%s,fd=%d", id, fd) }

// escape doubles commas, which separate the options of a QEMU argument.
func escape(s string) string { return strings.ReplaceAll(s, ",", ",,") }
