package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
)

func newImage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build, list and remove root disks",
		Long: `Image manages the root disks in the cache. Each is Debian 13 with

  base    what most tests run on: systemd, iproute2, bpftool, bpftrace, busybox
  peers   base, crun, runc, podman, bubblewrap, uidmap, nftables, perf, openssl
          and strace
  build   base, gcc, clang, make, libbpf, this machine's Go toolchain, and the
          modules of the Go module that --module names, compiled already

Whatever needs one builds it by itself; a cold one takes one to four minutes.`,
		Example: `  vmtest image list
  vmtest image build peers build
  vmtest image gc --dry-run`,
	}
	cmd.AddCommand(newImageBuild(), newImageList(), newImageGC())
	return cmd
}

func newImageBuild() *cobra.Command {
	var flags cacheFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "build NAME...",
		Short: "Build images that the cache does not hold",
		Long: `Build makes root disks, so that later runs need no network. Those that the
cache holds are left alone.

Exit status: 0 all are there, 2 bad usage, 128 one could not be built.`,
		Example: `  vmtest image build base
  vmtest image build peers build --mirror http://mirror.example/debian`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store := flags.images(cmd)
			for _, name := range args { // before minutes go into the first
				if _, err := image.Named(cmd.Context(), name, store.Module); err != nil {
					return exitcode.With(exitcode.Usage, err)
				}
			}
			return buildImages(cmd, store, args, asJSON)
		},
	}
	flags.registerImages(cmd.Flags())
	flags.registerMirrors(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print image-list/v1 when all are built")
	return cmd
}

func buildImages(cmd *cobra.Command, store vmtest.ImageStore, names []string, asJSON bool) error {
	var faults []error
	for _, name := range names {
		begun := time.Now()
		img, err := store.Build(cmd.Context(), name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if !asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %.12s, %d packages, %.0f s\n",
				name, img.Hash, len(img.Packages), time.Since(begun).Seconds())
		}
	}
	if err := errors.Join(faults...); err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	if !asJSON {
		return nil
	}
	return listImages(cmd, store, true)
}

func newImageList() *cobra.Command {
	var flags cacheFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the images there are and those in the cache",
		Example: "  vmtest image list --json | schemas validate",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listImages(cmd, flags.images(cmd), asJSON)
		},
	}
	flags.registerImages(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print image-list/v1")
	return cmd
}

func listImages(cmd *cobra.Command, store vmtest.ImageStore, asJSON bool) error {
	list, err := store.List(cmd.Context())
	if err != nil {
		return exitcode.With(exitcode.Harness, err)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printImages(cmd.OutOrStdout(), list)
}

// printImages prints what the cache holds, then what it lacks.
func printImages(w io.Writer, list image.Inventory) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "IMAGE\tRECIPE\tSTATE\tPACKAGES\tGO\tMB\tBUILT\tUSED")
	for _, c := range list.Images {
		state, used, toolchain := "outdated", day(c.UsedAt), c.GoVersion
		if c.Current {
			state = "current"
		}
		if c.InUse {
			used = "now"
		}
		if toolchain == "" {
			toolchain = "-"
		}
		fmt.Fprintf(t, "%s\t%.12s\t%s\t%d\t%s\t%d\t%s\t%s\n", c.Name, c.Hash, state, c.PackageCount, toolchain, c.SizeBytes/1e6, day(c.BuiltAt), used)
	}
	for _, k := range list.Known {
		switch {
		case k.Problem != "":
			fmt.Fprintf(t, "%s\t-\t%s\n", k.Name, k.Problem)
		case !k.Cached:
			fmt.Fprintf(t, "%s\t%.12s\tnot built\t-\t-\t-\t-\t-\n", k.Name, k.Hash)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d images, %d MB\n", len(list.Images), list.SizeBytes/1e6)
	return err
}

// day is the date of a time as records have it.
func day(t string) string {
	date, _, _ := strings.Cut(t, "T")
	return date
}

func newImageGC() *cobra.Command {
	var flags cacheFlags
	var says gcFlags
	gc := image.GC{}
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove images that are out of date",
		Long: `Gc removes images whose recipe has changed, and what killed builds left behind.
Images that a process uses now stay, and so do those of other Go modules.`,
		Example: `  vmtest image gc --dry-run
  vmtest image gc --all
  vmtest image gc --json | schemas validate`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			gc.DryRun = says.dry
			removed, err := flags.images(cmd).Collect(cmd.Context(), gc)
			return says.conclude(cmd, removed, err)
		},
	}
	flags.registerImages(cmd.Flags())
	says.register(cmd.Flags())
	cmd.Flags().BoolVar(&gc.All, "all", false, "remove images that are up to date too")
	return cmd
}
