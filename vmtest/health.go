package vmtest

import (
	"context"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/vmtest/internal/aptsources"
	"namespaces-cgroups-ebpf/vmtest/internal/health"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
)

// Examine looks at what this machine can do for VMs, how fast, and what the
// Config's cache holds already. It changes nothing, and is done within a minute
// even where everything hangs.
func Examine(ctx context.Context, c Config) doctor.Report {
	c = c.withDefaults()
	s := health.Settings{CacheDir: c.CacheDir, TempDir: os.TempDir(), PackageDir: c.PackageDir}
	found, err := aptsources.Find("/", c.mirrors())
	s.Mirrors, s.MirrorsErr = found.Debian, err
	s.Cached = c.inventory(ctx)
	return health.Examine(ctx, health.ThisMachine(), s)
}

// inventory is what the cache holds; what cannot be read is as good as absent.
func (c Config) inventory(ctx context.Context) (held health.Cached) {
	if source, err := kernelSource(c, nil); err == nil {
		if list, err := source.List(); err == nil {
			for _, k := range list.Series {
				switch {
				case k.Kernel != "":
					held.Series = append(held.Series, k.Series)
				case k.Default:
					held.Missing = append(held.Missing, k.Series)
				}
			}
		}
	}
	if list, err := imageStore(c, nil).List(ctx); err == nil {
		for _, k := range list.Known {
			if k.Cached {
				held.Images = append(held.Images, k.Name)
			} else {
				held.Absent = append(held.Absent, k.Name)
			}
		}
	}
	records, _ := filepath.Glob(filepath.Join(c.CacheDir, "snapshots", "*", "*.json"))
	held.Snapshots = len(records)
	g, err := image.FindGo(ctx, c.Module)
	if held.GoErr = err; err == nil {
		held.GoVersion = g.Version + ", module " + g.Module
	}
	return held
}
