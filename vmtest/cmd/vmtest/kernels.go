package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

func newKernels() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kernels",
		Short: "List, fetch, import and remove kernels",
		Long: `Kernels manages the kernels in the cache. Whatever takes a kernel takes any of
these sources:

  6.12                            newest Debian cloud kernel of the series
  6.12.107-1                      that version of it
  host                            the running machine's kernel
  ./bzImage[,modules=DIR]         a bzImage, or a vmlinux with a PVH entry
  deb:A.deb[,B.deb...]            packages of one kernel (Debian, Ubuntu)
  https://HOST/FILE#sha256=HEX    a download, of an image or a .deb
  oci:DIR[:TAG]                   an OCI image layout with boot/vmlinuz
  NAME                            a kernel that was added under that name

modules=DIR is lib/modules/<release> or a directory that holds it.`,
		Example: `  vmtest kernels list
  vmtest kernels fetch 6.1 6.12
  vmtest kernels add ./arch/x86/boot/bzImage,modules=./install --name mine
  vmtest kernels gc --keep 1`,
	}
	cmd.AddCommand(newKernelsList(), newKernelsFetch(), newKernelsAdd(), newKernelsRemove(), newKernelsGC())
	return cmd
}

func newKernelsList() *cobra.Command {
	var flags cacheFlags
	var asJSON bool
	var available string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the known series and the kernels in the cache",
		Example: `  vmtest kernels list
  vmtest kernels list --available 6.1      versions that can be had, oldest first`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := flags.kernels(cmd)
			if err != nil {
				return err
			}
			if available != "" {
				return printVersions(cmd, store, available)
			}
			cache, err := store.List()
			if err != nil {
				return exitcode.With(exitcode.Harness, err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), cache)
			}
			return printCache(cmd.OutOrStdout(), cache)
		},
	}
	flags.registerKernels(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print kernel-cache/v1")
	cmd.Flags().StringVar(&available, "available", "", "print the versions of this series that can be had")
	cmd.MarkFlagsMutuallyExclusive("json", "available")
	return cmd
}

func printVersions(cmd *cobra.Command, store *vmtest.KernelStore, series string) error {
	if _, err := store.Select(series); err != nil {
		return exitcode.With(exitcode.Usage, err)
	}
	versions, err := store.Versions(cmd.Context(), series)
	if err != nil {
		return kernelFault(err)
	}
	for _, v := range versions {
		fmt.Fprintln(cmd.OutOrStdout(), v)
	}
	return nil
}

// printCache prints the series, then the kernels that belong to none of them
// or are not the one that a series means.
func printCache(w io.Writer, cache kernels.Cache) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KERNEL\tMATRIX\tRELEASE\tVERSION\tSOURCE\tMB\tUSED")
	byID := map[string]kernels.CachedKernel{}
	for _, k := range cache.Kernels {
		byID[k.ID] = k
	}
	shown := map[string]bool{}
	for _, s := range cache.Series {
		k, ok := byID[s.Kernel]
		if !ok {
			fmt.Fprintf(t, "%s\t%s\t-\t-\t%s\t-\t-\n", s.Series, matrix(s), s.Suites[0])
			continue
		}
		shown[k.ID] = len(k.Names) == 0
		printKernel(t, s.Series, matrix(s), k)
	}
	for _, k := range cache.Kernels {
		if shown[k.ID] {
			continue
		}
		name := strings.Join(k.Names, ",")
		if name == "" {
			name = "-"
			if k.Series != "" {
				name = k.Version
			}
		}
		printKernel(t, name, "-", k)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d kernels, %d MB\n", len(cache.Kernels), cache.SizeBytes/1e6)
	return err
}

func printKernel(w io.Writer, name, matrix string, k kernels.CachedKernel) {
	used := k.UsedAt.Format("2006-01-02")
	if k.InUse {
		used = "now"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", name, matrix, k.Release, orDash(k.Version), sourceOf(k), k.SizeBytes/1e6, used)
}

// matrix says what a series is to a run that names no kernels.
func matrix(s kernels.CachedSeries) string {
	switch {
	case !s.Default:
		return "no"
	case s.Optional:
		return "optional"
	}
	return "yes"
}

// sourceOf is where a kernel came from, in one word.
func sourceOf(k kernels.CachedKernel) string {
	if k.Suite != "" {
		return k.Suite
	}
	if len(k.Packages) > 0 {
		return k.Packages[0].Source
	}
	return "-"
}

// kernelFault gives an error its exit code: that a kernel cannot be had, or that
// a file is none, is not our fault.
func kernelFault(err error) error {
	switch {
	case errors.Is(err, kernels.ErrUnavailable):
		return exitcode.With(exitcode.Fail, err)
	case errors.Is(err, kernels.ErrNoKernel):
		return exitcode.With(exitcode.Usage, err)
	}
	return exitcode.With(exitcode.Harness, err)
}
