package vmtest

import "namespaces-cgroups-ebpf/vmtest/internal/kernels"

// KernelStore gets kernels from wherever their spec says and keeps them in the
// cache.
type KernelStore = kernels.Sources

// Kernels opens the kernels of a Config's cache. log gets a line per download;
// it may be nil.
func Kernels(c Config, log func(string)) (*KernelStore, error) {
	return kernelSource(c.withDefaults(), log)
}
