package vmtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"namespaces-cgroups-ebpf/vmtest/internal/initramfs"
	"namespaces-cgroups-ebpf/vmtest/internal/qemu"
)

// bareGreeting is what the smallest init says.
const bareGreeting = "vmtest: bare init runs\n"

// bareLook is how often the console is looked at: what it is late by counts.
const bareLook = time.Millisecond

// BareBoot boots the machine of c with the smallest init there can be and
// returns how long that took, from the start of QEMU until init was heard of. It
// is what our own boot is compared with: the same kernel and the same QEMU with
// the same devices, but nothing is loaded and nothing mounted.
func BareBoot(ctx context.Context, c Config) (took time.Duration, err error) {
	a, err := prepare(ctx, c.withDefaults(), c.Log)
	if err != nil {
		return 0, err
	}
	work, err := newWorkDir()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, work.Close()) }()
	p, err := a.coldParts(ctx, work)
	if err != nil {
		return 0, err
	}
	if p.initramfs, err = bareInitramfs(work.Path); err != nil {
		return 0, fmt.Errorf("make bare initramfs: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bootDeadline, fmt.Errorf("no word from the bare init within %v", bootDeadline))
	defer cancel()
	began := time.Now()
	process, err := qemu.Start(ctx, a.machine(a.accelerator, p), portName)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, process.Close()) }()
	if err := awaitConsole(ctx, process, bareGreeting); err != nil {
		return 0, fmt.Errorf("boot bare kernel %s: %w", a.kernel.Release, err)
	}
	return time.Since(began), nil
}

// bareInitramfs writes an archive with nothing but the smallest init.
func bareInitramfs(dir string) (path string, err error) {
	init := filepath.Join(dir, "bare-init")
	if err := os.WriteFile(init, bareInit(), 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "bare-initramfs")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	if err := initramfs.Build(w, initramfs.Spec{Init: init}); err != nil {
		return "", err
	}
	return path, w.Flush()
}

func awaitConsole(ctx context.Context, p *qemu.Process, text string) error {
	want := []byte(text[:len(text)-1]) // the terminal turns \n into \r\n
	for !bytes.Contains(p.Console.Bytes(), want) {
		select {
		case <-time.After(bareLook):
		case <-p.Exited():
			return errors.New(p.Ending())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
