package qemu

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArgv(t *testing.T) {
	tests := []struct {
		name    string
		devices []Device
		want    string // a part of the command line
	}{
		{"tcg is single-threaded", []Device{Compute{MemoryBytes: 1 << 30, CPUs: 2, Accelerator: TCG("test")}}, "-accel tcg,thread=single -cpu max -m 1024M -smp 2"},
		{"kvm", []Device{Compute{MemoryBytes: 512 << 20, CPUs: 1, Accelerator: KVM("test")}}, "-accel kvm -cpu host -m 512M -smp 1"},
		{"panic ends qemu", []Device{ExitOnPanic{}}, "-no-reboot -append panic=-1"},
		{"shared disk", []Device{Disk{Serial: "root", Path: "/a,b.ext4", Overlay: true}}, "if=none,id=root,format=raw,file=/a,,b.ext4,snapshot=on -device virtio-blk-pci,drive=root,serial=root"},
		{"read-only disk", []Device{Disk{Serial: "modules", Path: "m", ReadOnly: true}}, "file=m,readonly=on"},
		{"kernel arguments keep their order", []Device{ExitOnPanic{}, KernelParameters{"vmtest=1", "x"}}, "-append panic=-1 vmtest=1 x"},
		{"layered disk", []Device{Disk{Serial: "root", Path: "/s,1/root.qcow2", Layered: true, Base: "/b.ext4"}}, "format=qcow2,file=/s,,1/root.qcow2,backing.driver=raw,backing.file.driver=file,backing.file.filename=/b.ext4 -device"},
		{"layered disk over nothing", []Device{Disk{Serial: "scratch", Path: "s.qcow2", Layered: true, Overlay: true}}, "format=qcow2,file=s.qcow2,snapshot=on -device"},
		{"memory to save", []Device{Memory{Bytes: 1 << 30, Path: "/a,b/ram", Shared: true}}, "-object memory-backend-file,id=ram,size=1073741824,mem-path=/a,,b/ram,share=on -machine memory-backend=ram"},
		{"memory to restore", []Device{Memory{Bytes: 1 << 30, Path: "ram"}, Incoming{}}, "mem-path=ram,share=off -machine memory-backend=ram -incoming defer"},
		{"memory within the state", []Device{Memory{Bytes: 1 << 30}}, "-object memory-backend-ram,id=ram,size=1073741824 -machine"},
		{"boot", []Device{Boot{Image: "vmlinuz", Initramfs: "i.cpio"}}, "-kernel vmlinuz -initrd i.cpio"},
		{"console", []Device{Console{FD: 3}}, "-chardev socket,id=console,fd=3 -serial chardev:console -append console=ttyS0 loglevel=4"},
		{"port", []Device{Port{Name: "vmtest.0", FD: 4}}, "virtserialport,chardev=port,name=vmtest.0"},
		{"no default devices", nil, Binary + " -nodefaults -no-user-config -display none -sandbox on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, strings.Join(Machine{Devices: tt.devices}.Argv(), " "), tt.want)
		})
	}
	require.Equal(t, "other", Machine{Binary: "other"}.Argv()[0])
}

func TestTail(t *testing.T) {
	tests := []struct {
		name    string
		writes  []string
		want    string
		dropped int64
	}{
		{"empty", nil, "", 0},
		{"within the head", []string{"ab"}, "ab", 0},
		{"across head and tail", []string{"abcdef"}, "abcdef", 0},
		{"full", []string{"abcd", "efghijkl"}, "abcdefghijkl", 0},
		{"flood", []string{"abcd", strings.Repeat("x", 1000), "yz12"}, "abcd\n[... output cut here ...]\nxxxxyz12", 996},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tail := NewTail(4)
			total := 0
			for _, w := range tt.writes {
				n, err := tail.Write([]byte(w))
				require.NoError(t, err)
				total += n
			}
			require.Equal(t, len(strings.Join(tt.writes, "")), total)
			require.Equal(t, tt.want, string(tail.Bytes()))
			require.Equal(t, tt.dropped, tail.Dropped())
		})
	}
}
