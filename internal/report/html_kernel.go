package report

import (
	"fmt"
	"slices"
	"strings"
)

type htmlKernel struct {
	htmlMark
	Series, Name, Reason string
	Facts                []htmlFact
}

func (p *htmlPage) kernels(r Report, options Page) {
	for _, k := range r.Kernels {
		h := htmlKernel{
			htmlMark: markOf(k.Outcome, k.Optional && k.Outcome == Unavailable),
			Series:   oneLine(k.Series), Name: oneLine(nameOf(k)), Reason: paragraph(k.Reason),
		}
		h.Facts = facts("package", strings.TrimSpace(k.PackageVersion+" "+k.Suite))
		if len(k.Packages) > 0 {
			h.Facts = append(h.Facts, facts("from", source(k.Packages[0].Source))...)
		}
		h.Facts = append(h.Facts, facts("ready in", length(k.BootNS),
			"cold boot", length(k.ColdBootNS), "saving the snapshot", length(k.SnapshotNS), "took", length(k.DurationNS),
			"boots", positive(k.AttemptsCount), "ended by", k.ShutdownReason)...)
		for _, a := range k.FailedAttempts {
			h.Facts = append(h.Facts, facts("failed boot", fmt.Sprintf("%s after %s: %s", a.Outcome, length(a.DurationNS), a.Reason))...)
		}
		if k.ConsoleLog != "" {
			h.Facts = append(h.Facts, htmlFact{Name: "console", Value: oneLine(k.ConsoleLog), Link: link(k.ConsoleLog, options)})
		}
		p.Kernels = append(p.Kernels, h)
	}
}

func source(s string) string {
	words := map[string]string{
		"mirror": "a Debian mirror", "package-dir": "the package directory", "local": "a local file", "url": "a URL",
		"host": "this machine", "oci": "an OCI image",
	}
	if w, ok := words[s]; ok {
		return w
	}
	return s
}

type htmlTimes struct {
	Title string
	Bars  []htmlBar
}

// slowest is how many tests the page names as such.
const slowest = 8

// times shows stages, kernels and the slowest tests.
func (p *htmlPage) times(r Report) {
	if share := r.Run.HarnessShareNS; share > 0 {
		p.HarnessShare = fmt.Sprintf("no test was running for %s of %s", length(share), length(r.Run.DurationNS))
	}
	var stages, kernels, tests []htmlBar
	var longest int64
	for _, s := range r.Run.Stages {
		longest = max(longest, s.WallNS)
	}
	order := []string{"fetch", "image", "boot", "snapshot", "test", "teardown", "report"}
	inOrder := slices.SortedStableFunc(slices.Values(r.Run.Stages), func(a, b Stage) int {
		return slices.Index(order, a.Name) - slices.Index(order, b.Name)
	})
	for _, s := range inOrder {
		value := length(s.WallNS)
		if s.BusyNS > s.WallNS+s.WallNS/10 {
			value += ", " + length(s.BusyNS) + " summed up"
		}
		stages = append(stages, htmlBar{Name: s.Name, Value: value, Class: "mute", Percent: percent(s.WallNS, longest)})
	}
	longest = 0
	for _, k := range r.Kernels {
		longest = max(longest, k.DurationNS)
	}
	for _, k := range r.Kernels {
		if k.DurationNS > 0 {
			kernels = append(kernels, htmlBar{Name: oneLine(nameOf(k)), Value: length(k.DurationNS), Class: "mute", Percent: percent(k.DurationNS, longest)})
		}
	}
	for _, result := range byDuration(r.Results) {
		tests = append(tests, htmlBar{
			Name: oneLine(result.ID) + " on " + oneLine(result.Series), Link: anchor(result), Value: length(result.DurationNS), Class: class(result.Outcome, false),
			Percent: percent(result.DurationNS, byDuration(r.Results)[0].DurationNS),
		})
	}
	for _, t := range []htmlTimes{{"Stages", stages}, {"Kernels", kernels}, {"Slowest tests", tests}} {
		if len(t.Bars) > 0 {
			p.Times = append(p.Times, t)
		}
	}
}

func byDuration(results []Result) []Result {
	sorted := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.DurationNS <= 0 })
	slices.SortStableFunc(sorted, func(a, b Result) int { return int(min(1, max(-1, b.DurationNS-a.DurationNS))) })
	return sorted[:min(slowest, len(sorted))]
}

func (p *htmlPage) provenance(r Report) {
	if len(r.Parts) == 0 {
		p.Provenance = append(p.Provenance, htmlFacts{"This run", runFacts(r.Run)})
	}
	for i, part := range r.Parts {
		title := fmt.Sprintf("Part %d", i+1)
		if part.Run.Shard != nil {
			title = "Shard " + part.Run.Shard.String()
		}
		list := facts("kernels", strings.Join(part.Series, ", "))
		list = append(list, runFacts(part.Run)...)
		p.Provenance = append(p.Provenance, htmlFacts{title, append(list, facts("report.json", "sha256 "+part.SHA256)...)})
	}
}

// hashes are for whoever wants to know exactly what ran.
func (p *htmlPage) hashes(r Report) {
	var packages, programs []htmlFact
	for _, k := range r.Kernels {
		for _, pkg := range k.Packages {
			packages = append(packages, facts(strings.TrimSpace(pkg.Name+" "+pkg.Version), pkg.SHA256)...)
		}
		packages = append(packages, facts("modules of "+nameOf(k), k.ModulesSHA256)...)
		for _, disk := range disks(k) {
			packages = append(packages, facts(fmt.Sprintf("root disk %s of %s (recipe)", disk.Name, nameOf(k)), disk.Hash)...)
		}
	}
	for _, program := range r.Run.Programs {
		programs = append(programs, facts(program.Name, program.SHA256)...)
	}
	for _, list := range []htmlFacts{
		{fmt.Sprintf("%d kernel packages and disks", len(packages)), packages},
		{fmt.Sprintf("%d programs in the guest", len(programs)), programs},
	} {
		if len(list.Facts) > 0 {
			p.Hashes = append(p.Hashes, list)
		}
	}
}

// disks are the root disks of a kernel; older reports name one, by its hash.
func disks(k Kernel) []Image {
	if len(k.Images) == 0 && k.ImageHash != "" {
		return []Image{{Hash: k.ImageHash}}
	}
	return k.Images
}

// guests describes the machines that the tests had.
func guests(g *Guest) string {
	if g == nil {
		return ""
	}
	text := fmt.Sprintf("%d CPUs, %s", g.CPUCount, memory(g.MemoryBytes))
	if len(g.KernelArgs) > 0 {
		text += ", kernel arguments " + strings.Join(g.KernelArgs, " ")
	}
	if len(g.Modules) > 0 {
		text += ", modules " + strings.Join(g.Modules, " ")
	}
	return text
}

func runFacts(run Run) []htmlFact {
	slow := ""
	if run.Slowdown > 0 {
		slow = fmt.Sprintf("budgets stretched %.2f times", run.Slowdown)
	}
	return facts(
		"started", run.StartedAt.UTC().Format("2006-01-02 15:04:05 UTC"), "took", length(run.DurationNS),
		"seed", run.Seed, "harness", run.HarnessVersion, "QEMU", run.QEMUVersion,
		"accelerator", run.Accelerator.Name+": "+run.Accelerator.Reason, "machine speed", slow, "guests", guests(run.Guest),
		"host", fmt.Sprintf("%s, %d CPUs, %s, kernel %s", run.Host.Arch, run.Host.CPUCount, memory(run.Host.MemoryBytes), run.Host.Kernel))
}

func memory(n int64) string {
	if n <= 0 {
		return "memory unknown"
	}
	return fmt.Sprintf("%.1f GiB of memory", float64(n)/(1<<30))
}
