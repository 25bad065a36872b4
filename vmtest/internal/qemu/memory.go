package qemu

import "fmt"

// memoryID names the guest's RAM. A snapshot finds its RAM by that name.
const memoryID = "ram"

// Memory is guest RAM as an object of its own, which is what lets a snapshot
// keep it in a file instead of copying it through the migration stream.
type Memory struct {
	Bytes int64
	// Path is the file that is the RAM; "" is anonymous memory, into which a
	// plain migration stream is loaded.
	Path string
	// Shared makes the guest's writes go to the file: for the machine that is
	// saved. A restored one must not, or the next would find its writes.
	Shared bool
}

// Args implements Device.
func (m Memory) Args() []string {
	object := fmt.Sprintf("memory-backend-ram,id=%s,size=%d", memoryID, m.Bytes)
	if m.Path != "" {
		object = fmt.Sprintf("memory-backend-file,id=%s,size=%d,mem-path=%s,share=%s",
			memoryID, m.Bytes, escape(m.Path), onOff(m.Shared))
	}
	return []string{"-object", object, "-machine", "memory-backend=" + memoryID}
}

// KernelArgs implements Device.
func (Memory) KernelArgs() []string { return nil }

// Incoming makes QEMU wait for a saved state instead of booting.
type Incoming struct{}

// Args implements Device.
func (Incoming) Args() []string { return []string{"-incoming", "defer"} }

// KernelArgs implements Device.
func (Incoming) KernelArgs() []string { return nil }

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
