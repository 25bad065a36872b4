package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

func newKernelsFetch() *cobra.Command {
	var flags cacheFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fetch [KERNEL...]",
		Short: "Get kernels into the cache",
		Long: `Fetch gets kernels into the cache, so that later runs need no network. Without
an argument it gets the default matrix, of which optional kernels may be missing.

Exit status: 0 all are there, 1 one cannot be had, 2 bad usage, 128 our fault.`,
		Example: `  vmtest kernels fetch
  vmtest kernels fetch 6.1.180-1 deb:linux-image.deb,linux-modules.deb`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := flags.kernels(cmd)
			if err != nil {
				return err
			}
			wanted, err := selectKernels(store, args)
			if err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			return fetchKernels(cmd, store, wanted, asJSON)
		},
	}
	flags.registerKernels(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print kernel-cache/v1 of what was fetched")
	return cmd
}

// selectKernels checks all specs before the first is fetched.
func selectKernels(store *vmtest.KernelStore, specs []string) ([]kernels.Series, error) {
	if len(specs) == 0 {
		return store.Default(), nil
	}
	var wanted []kernels.Series
	for _, spec := range specs {
		s, err := store.Select(spec)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, s)
	}
	return wanted, nil
}

// fetchKernels fetches all it can before it says what it could not.
func fetchKernels(cmd *cobra.Command, store *vmtest.KernelStore, wanted []kernels.Series, asJSON bool) error {
	var fetched []kernels.Kernel
	var faults []error
	for _, s := range wanted {
		k, err := store.Fetch(cmd.Context(), s.Source())
		switch {
		case err == nil:
			fetched = append(fetched, k)
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", s.Series, describe(k))
			}
		case s.Optional && errors.Is(err, kernels.ErrUnavailable):
			fmt.Fprintf(cmd.ErrOrStderr(), "optional: %v\n", err)
		default:
			faults = append(faults, err)
		}
	}
	if asJSON {
		cache, err := store.Describe(fetched)
		if err != nil {
			return exitcode.With(exitcode.Harness, err)
		}
		if err := printJSON(cmd.OutOrStdout(), cache); err != nil {
			return err
		}
	}
	return worst(faults)
}

// worst joins errors; a fault of ours outweighs what the kernels lack.
func worst(faults []error) error {
	code := exitcode.Pass
	for _, err := range faults {
		code = max(code, exitcode.Of(kernelFault(err)))
	}
	return exitcode.With(code, errors.Join(faults...))
}

func describe(k kernels.Kernel) string {
	text := k.Release
	if k.Version != "" {
		text += " (" + k.Version + ")"
	}
	if k.Note != "" {
		text += ", " + k.Note
	}
	return text
}

func newKernelsAdd() *cobra.Command {
	var flags cacheFlags
	var name string
	cmd := &cobra.Command{
		Use:   "add KERNEL --name NAME",
		Short: "Import a kernel under a name",
		Long: `Add copies a kernel into the cache under a name that every command then takes,
and that keeps gc away from it. The name moves if it was given before.`,
		Example: `  vmtest kernels add ./bzImage,modules=./install --name mine
  vmtest kernels add oci:./ci-kernels:6.12 --name ci-6.12`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := kernels.CheckName(name); err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			store, err := flags.kernels(cmd)
			if err != nil {
				return err
			}
			if _, err := store.Select(args[0]); err != nil {
				return exitcode.With(exitcode.Usage, err)
			}
			k, err := store.Add(cmd.Context(), args[0], name)
			if err != nil {
				return kernelFault(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", name, describe(k))
			return err
		},
	}
	flags.registerKernels(cmd.Flags())
	cmd.Flags().StringVar(&name, "name", "", "name of the kernel: a letter, then letters, digits and ._+-")
	return cmd
}

func newKernelsRemove() *cobra.Command {
	var flags cacheFlags
	cmd := &cobra.Command{
		Use:     "remove NAME...",
		Short:   "Take names away; gc then removes the kernels",
		Example: "  vmtest kernels remove mine",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := flags.kernels(cmd)
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := store.Forget(name); err != nil {
					return exitcode.With(exitcode.Usage, err)
				}
			}
			return nil
		},
	}
	flags.registerKernels(cmd.Flags())
	return cmd
}

func newKernelsGC() *cobra.Command {
	var flags cacheFlags
	var says gcFlags
	gc := kernels.GC{}
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove kernels that are no longer needed",
		Long: `Gc removes, of each series and of each kind of other source, all but the newest
kernels, with the disks that were made of their modules, and what killed runs
left behind. Kernels with a name and those that a process uses now stay. Of the
snapshots go those that were not used for two weeks or take too much room.`,
		Example: `  vmtest kernels gc --dry-run
  vmtest kernels gc --keep 2
  vmtest kernels gc --json | schemas validate`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if gc.Keep < 0 {
				return exitcode.With(exitcode.Usage, fmt.Errorf("--keep %d, want 0 or more", gc.Keep))
			}
			store, err := flags.kernels(cmd)
			if err != nil {
				return err
			}
			gc.DryRun = says.dry
			removed, err := store.Collect(cmd.Context(), gc)
			snapshots, snapshotsErr := vmtest.CollectSnapshots(flags.CacheDir, gc.DryRun)
			return says.conclude(cmd, append(removed, snapshots...), errors.Join(err, snapshotsErr))
		},
	}
	flags.registerKernels(cmd.Flags())
	says.register(cmd.Flags())
	cmd.Flags().IntVar(&gc.Keep, "keep", 1, "kernels to keep of each series and kind of source")
	return cmd
}
