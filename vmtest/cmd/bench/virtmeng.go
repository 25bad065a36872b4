package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"namespaces-cgroups-ebpf/internal/kernel"
	"namespaces-cgroups-ebpf/vmtest"
	"namespaces-cgroups-ebpf/vmtest/internal/image"
	"namespaces-cgroups-ebpf/vmtest/internal/kernels"
)

// What virtme-ng's run says, and when.
const (
	virtmeBegins = "vmtest: QEMU begins"
	virtmeEnded  = "vmtest: first command has ended"
)

// virtmeDeadline is what one run may take.
const virtmeDeadline = 3 * time.Minute

// virtmeSince is the first kernel it is run on: older ones of Debian's cloud
// have no virtiofs, and none has the 9p that it falls back to.
var virtmeSince = kernel.Version{Major: 6, Minor: 12}

// virtmeScript runs vng on the Debian that it is installed in.
//
//go:embed virtmeng.sh
var virtmeScript string

// virtme is Debian's virtme-ng with one kernel and a size of memory.
type virtme struct {
	disk     string // Debian with virtme-ng and its own QEMU
	versions string
	image    string
	modules  string
	args     []string
}

// virtmeFirst is the name of its series.
const virtmeFirst = "virtme-ng to first command"

// virtmeRow is virtme-ng as a way to get a VM, or nil if there is none with this
// kernel. What it lacks is the reason why it is skipped.
func (b *benchmark) virtmeRow(ctx context.Context, v variant) *row {
	log := func(line string) { b.progress.say("%s: %s", v.name, line) }
	r := &row{way: way{first: virtmeFirst, readyMethod: "Debian 13's virtme-ng, from the start of its QEMU"}}
	k, err := fetch(ctx, v.config, log)
	if err == nil && !virtmeRuns(k.Release) {
		return nil
	}
	var tool virtme
	if err == nil {
		tool, err = newVirtme(ctx, v.config, k, log)
	}
	if err != nil {
		r.err = err
		return r
	}
	r.readyMethod = fmt.Sprintf("%s, kernel %s with its root on virtiofs, from the start of that QEMU", tool.versions, k.Release)
	r.get = func(ctx context.Context, _ vmtest.Config) (ready, first time.Duration, err error) {
		first, err = tool.toFirstCommand(ctx)
		return 0, first, err
	}
	return r
}

func fetch(ctx context.Context, c vmtest.Config, log func(string)) (kernels.Kernel, error) {
	store, err := vmtest.Kernels(c, log)
	if err != nil {
		return kernels.Kernel{}, err
	}
	return store.Fetch(ctx, c.Kernel)
}

// newVirtme gets what virtme-ng needs into the cache.
func newVirtme(ctx context.Context, c vmtest.Config, k kernels.Kernel, log func(string)) (virtme, error) {
	disk, err := vmtest.Images(c, log).BuildRecipe(ctx, image.VirtmeNG())
	if err != nil {
		return virtme{}, err
	}
	return virtme{
		disk: disk.Path, versions: virtmeVersions(disk.Packages),
		image: k.Image, modules: k.ModulesDir, args: virtmeArgs(c),
	}, nil
}

// virtmeArgs asks for the machine that ours is, as far as vng can be asked.
func virtmeArgs(c vmtest.Config) []string {
	args := []string{
		"--memory", strconv.FormatInt(c.MemoryBytes>>20, 10) + "M", "--cpus", strconv.Itoa(vmtest.DefaultCPUs),
		"--exec", "true && echo " + virtmeEnded,
	}
	if c.Accelerator == "tcg" {
		args = append(args, "--disable-kvm", "--qemu-opts=-accel tcg,thread=single")
	}
	return args
}

func virtmeVersions(packages []image.Package) string {
	version := map[string]string{}
	for _, p := range packages {
		version[p.Name] = p.Version
	}
	return fmt.Sprintf("virtme-ng %s with QEMU %s of Debian 13", version["virtme-ng"], version["qemu-system-x86"])
}

// virtmeRuns tells whether virtme-ng is expected to boot a kernel of a release.
func virtmeRuns(release string) bool {
	v, err := kernel.Parse(release)
	return err == nil && v.AtLeast(virtmeSince)
}

// toFirstCommand boots and returns how long it took from the start of QEMU until
// a first command had ended. Why it failed is told by what is said last, in a
// second run that shows the guest's console.
func (v virtme) toFirstCommand(ctx context.Context) (time.Duration, error) {
	took, _, err := v.run(ctx, v.args...)
	if err == nil || ctx.Err() != nil {
		return took, err
	}
	_, output, again := v.run(ctx, append([]string{"--verbose"}, v.args...)...)
	if again == nil {
		return 0, fmt.Errorf("%w, but not once more with --verbose", err)
	}
	return 0, fmt.Errorf("run vng %s: %w; its last words: %s", strings.Join(v.args, " "), again, lastLine(output))
}

func (v virtme) run(ctx context.Context, args ...string) (took time.Duration, output string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, virtmeDeadline, fmt.Errorf("not done within %v", virtmeDeadline))
	defer cancel()
	heard := listener{told: map[string]time.Time{virtmeBegins: {}, virtmeEnded: {}}}
	argv := append(image.Isolated("sh", "-c", virtmeScript, "virtmeng.sh", v.disk, v.image, v.modules, virtmeBegins), args...)
	if err := image.Run(ctx, &heard, argv...); err != nil {
		return 0, heard.text.String(), err
	}
	begun, ended := heard.told[virtmeBegins], heard.told[virtmeEnded]
	if begun.IsZero() || ended.IsZero() {
		return 0, heard.text.String(), errors.New("no command has run")
	}
	return ended.Sub(begun), heard.text.String(), nil
}

// listener notes when something is said for the first time.
type listener struct {
	told map[string]time.Time
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *listener) Write(p []byte) (int, error) {
	now := time.Now()
	l.text.Write(p)
	for words, at := range l.told {
		if at.IsZero() && bytes.Contains(l.text.Bytes(), []byte(words)) {
			l.told[words] = now
		}
	}
	return len(p), nil
}

// lastLine is the last line of text that says something.
func lastLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for _, line := range slices.Backward(lines) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "none"
}
