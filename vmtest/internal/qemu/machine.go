package qemu

import "strings"

// Binary is the QEMU program for x86-64 guests.
const Binary = "qemu-system-x86_64"

// Machine is a whole virtual machine as a value.
type Machine struct {
	Binary  string // program; Binary when empty
	Devices []Device
}

// Argv returns the program and its arguments. Nothing of the user's QEMU
// configuration or default devices takes part, and QEMU confines itself by
// seccomp: what runs in the guest may be hostile.
func (m Machine) Argv() []string {
	argv := []string{
		m.program(), "-nodefaults", "-no-user-config", "-display", "none",
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
	}
	var words []string
	for _, d := range m.Devices {
		argv = append(argv, d.Args()...)
		words = append(words, d.KernelArgs()...)
	}
	if len(words) > 0 {
		argv = append(argv, "-append", strings.Join(words, " "))
	}
	return argv
}

func (m Machine) program() string {
	if m.Binary != "" {
		return m.Binary
	}
	return Binary
}
