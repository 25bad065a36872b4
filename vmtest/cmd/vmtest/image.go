package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

// imageFlags say where images come from and are kept.
type imageFlags struct {
	vmtest.Config
	mirrors []string
}

func (i *imageFlags) register(f *pflag.FlagSet) {
	f.StringVar(&i.CacheDir, "cache", "", "cache directory (default: $VMTEST_CACHE or the user's cache)")
	f.StringVar(&i.Module, "module", ".", "directory of the Go module that image build is for")
}

// store opens the cache; what happens is told on stderr.
func (i *imageFlags) store(cmd *cobra.Command) vmtest.ImageStore {
	i.Mirrors = split(i.mirrors)
	return vmtest.Images(i.Config, func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) })
}

func newImageBuild() *cobra.Command {
	var flags imageFlags
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
			store := flags.store(cmd)
			for _, name := range args { // before minutes go into the first
				if _, err := image.Named(cmd.Context(), name, store.Module); err != nil {
					return exitcode.With(exitcode.Usage, err)
				}
			}
			return buildImages(cmd, store, args, asJSON)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().StringSliceVar(&flags.mirrors, "mirror", nil, "Debian mirrors, tried in order (default: $VMTEST_MIRRORS or what apt uses)")
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
	var flags imageFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the images there are and those in the cache",
		Example: "  vmtest image list --json | schemas validate",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listImages(cmd, flags.store(cmd), asJSON)
		},
	}
	flags.register(cmd.Flags())
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
	var flags imageFlags
	gc := image.GC{}
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove images that are out of date",
		Long: `Gc removes images whose recipe has changed, and what killed builds left behind.
Images that a process uses now stay, and so do those of other Go modules.`,
		Example: `  vmtest image gc --dry-run
  vmtest image gc --all`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			removed, err := flags.store(cmd).Collect(cmd.Context(), gc)
			printGone(cmd, removed, gc.DryRun)
			return exitcode.With(exitcode.Harness, err)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVar(&gc.All, "all", false, "remove images that are up to date too")
	cmd.Flags().BoolVar(&gc.DryRun, "dry-run", false, "only say what would be removed")
	return cmd
}

func printGone(cmd *cobra.Command, removed []image.Removed, dry bool) {
	word := "removed"
	if dry {
		word = "would remove"
	}
	var sum int64
	for _, r := range removed {
		sum += r.SizeBytes
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s (%d MB): %s\n", word, r.Path, r.SizeBytes/1e6, r.Reason)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %d MB\n", word, sum/1e6)
}
