package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"namespaces-cgroups-ebpf/vmtest"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/plan"
)

// completeFlags offers values for the flags of all commands below cmd.
func completeFlags(cmd *cobra.Command) {
	values := map[string]func(*cobra.Command) []string{
		"kernel": kernelNames, "kernels": kernelNames, "first-good": kernelNames, "first-bad": kernelNames,
		"image":  func(*cobra.Command) []string { return image.Names() },
		"system": func(*cobra.Command) []string { return []string{plan.InitGuest, plan.InitSystemd} },
		"accel":  func(*cobra.Command) []string { return []string{"auto", "kvm", "tcg"} },
		"tier":   func(*cobra.Command) []string { return []string{plan.TierDefault, plan.TierFull} },
		"tests":  testNames,
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		list, ok := values[f.Name]
		if !ok {
			return
		}
		complete := func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return completions(list(cmd), typed, f.Value.Type() == "stringSlice")
		}
		// It fails only for a flag that is not there or has one already.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
	})
	for _, child := range cmd.Commands() {
		completeFlags(child)
	}
}

// completions are the values that begin like the last element of what was
// typed. A path is left to the shell.
func completions(values []string, typed string, list bool) ([]string, cobra.ShellCompDirective) {
	done := ""
	if at := strings.LastIndexByte(typed, ','); list && at >= 0 {
		done, typed = typed[:at+1], typed[at+1:]
	}
	var found []string
	for _, v := range values {
		if strings.HasPrefix(v, typed) {
			found = append(found, done+v)
		}
	}
	if len(found) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// kernelNames are the series there are, the machine's own kernel, and the names
// that kernels were added under.
func kernelNames(*cobra.Command) []string {
	store, err := vmtest.Kernels(vmtest.Config{}, nil)
	if err != nil {
		return nil
	}
	kernels, err := store.List()
	if err != nil {
		return nil
	}
	var names []string
	for _, s := range kernels.Series {
		names = append(names, s.Series)
	}
	for _, k := range kernels.Kernels {
		names = append(names, k.Names...)
	}
	return append(names, "host")
}

// testNames are the deliverables of the checkout, and their tests.
func testNames(cmd *cobra.Command) []string {
	repo, err := cmd.Flags().GetString("repo")
	if err != nil {
		return nil
	}
	plans, _ := plan.Load(os.DirFS(repo))
	var names []string
	for _, p := range plans {
		names = append(names, p.Deliverable)
		for _, e := range p.Entries {
			names = append(names, e.FullID())
		}
	}
	return names
}
