package main

import "namespaces-cgroups-ebpf/internal/kernel"

func kernelRelease() (string, error) { return kernel.Release() }
