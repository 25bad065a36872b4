package bench

// Machine is what the benchmark ran on.
type Machine struct {
	CPUModel    string  `json:"cpu_model"`
	CPUs        int     `json:"cpus_count"`
	MemoryBytes int64   `json:"memory_bytes"`
	Kernel      string  `json:"kernel"`     // release, as uname(2) says it
	Load        float64 `json:"load_ratio"` // runnable processes per CPU over the minute before
	// Of virtual machines; "" where none ran.
	QEMU              string `json:"qemu_version,omitempty"`
	Accelerator       string `json:"accelerator,omitempty"`
	AcceleratorReason string `json:"accelerator_reason,omitempty"`
}
