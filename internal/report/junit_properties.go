package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type junitProperties struct {
	List []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// properties takes names and values in turn and leaves out what is empty.
func properties(pairs ...string) *junitProperties {
	p := &junitProperties{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			p.List = append(p.List, junitProperty{pairs[i], printable(pairs[i+1])})
		}
	}
	if len(p.List) == 0 {
		return nil
	}
	return p
}

func runProperties(r Run) *junitProperties {
	p := []string{
		"tier", r.Tier, "seed", r.Seed, "harness_version", r.HarnessVersion, "qemu_version", r.QEMUVersion,
		"accelerator", r.Accelerator.Name, "accelerator_reason", r.Accelerator.Reason,
		"host_kernel", r.Host.Kernel, "host_arch", r.Host.Arch, "host_cpu_count", positive(r.Host.CPUCount),
	}
	if r.Shard != nil {
		p = append(p, "shard", r.Shard.String())
	}
	for _, s := range r.Stages {
		p = append(p, "stage_"+s.Name+"_wall_ns", positive(s.WallNS))
	}
	return properties(p...)
}

func kernelProperties(k Kernel) *junitProperties {
	p := []string{
		"release", k.Release, "package_version", k.PackageVersion, "suite", k.Suite, "image_hash", k.ImageHash,
		"boot_ns", positive(k.BootNS), "cold_boot_ns", positive(k.ColdBootNS), "shutdown_reason", k.ShutdownReason,
		"attempts_count", positive(k.AttemptsCount), "console_log", k.ConsoleLog,
	}
	for _, disk := range k.Images {
		p = append(p, "image_"+disk.Name, disk.Hash)
	}
	for i, pkg := range k.Packages {
		p = append(p, fmt.Sprintf("package_%d", i+1), strings.TrimSpace(pkg.Name+" "+pkg.Version)+" sha256:"+pkg.SHA256+" from "+pkg.Source)
	}
	return properties(p...)
}

func resultProperties(r Result) *junitProperties {
	p := []string{"outcome", string(r.Outcome), "kernel", r.Kernel, "failed_stage", r.FailedStage, "trust", r.Trust, "console_log", r.ConsoleLog}
	if r.VM != nil {
		p = append(p, "vm_restored", fmt.Sprint(r.VM.Restored), "vm_boot_ns", positive(r.VM.BootNS),
			"qemu_peak_rss_bytes", positive(r.VM.QEMUPeakRSSBytes))
	}
	for i, a := range r.Artifacts {
		p = append(p, fmt.Sprintf("artifact_%d", i+1), strings.TrimSpace(a.Path+" "+a.Schema+" "+a.state()))
	}
	return properties(p...)
}

func positive[T int | int64](n T) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// maxMessageBytes bounds a message: CI systems keep them in databases.
const maxMessageBytes = 8 << 10

// printable drops what XML 1.0 cannot hold, or what would hide other text.
func printable(s string) string {
	short := clip(s, maxMessageBytes)
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, short)
}

// clip returns the beginning of s as valid UTF-8, without half a character at
// the cut.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return strings.ToValidUTF8(s, "?")
	}
	cut := limit
	for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "?") + " ..."
}
