package main

import (
	"errors"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/doctor"
	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/vmtest"
)

func newDoctor() *cobra.Command {
	var c vmtest.Config
	var mirrorList []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell whether this machine can boot VMs, and what to do if not",
		Long: `Doctor tries what the other commands need: QEMU and its accelerator, memory,
room, tools, mirrors, and what the cache holds. For each problem it says what to
do. A warning is something that works, but slower or only after a download.

Exit status: 0 no check failed, 2 bad usage, 4 this machine cannot run VMs.`,
		Example: `  vmtest doctor
  vmtest doctor --json | schemas validate`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Mirrors = split(mirrorList)
			report := vmtest.Examine(cmd.Context(), c)
			if err := printHealth(cmd, report, asJSON); err != nil {
				return err
			}
			if !report.OK {
				return exitcode.With(exitcode.Unsupported, errors.New("this machine lacks something; see the remedies"))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print doctor/v1")
	f.StringVar(&c.CacheDir, "cache", "", "cache directory (default: $VMTEST_CACHE or the user's cache)")
	f.StringVar(&c.PackageDir, "package-dir", "", "directory of .deb files and SHA256SUMS (default: $VMTEST_PACKAGE_DIR)")
	f.StringSliceVar(&mirrorList, "mirror", nil, "Debian mirrors, tried in order (default: $VMTEST_MIRRORS or what apt uses)")
	return cmd
}

func printHealth(cmd *cobra.Command, report doctor.Report, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), report)
	}
	return doctor.Text(cmd.OutOrStdout(), report)
}
