// Command report-check opens pages that vmtest wrote in headless Chromium and
// checks what only a browser can tell: no error, no request, no sideways
// scrolling, text that stands out, everything reachable by keyboard, also
// without scripts. It keeps screenshots.
//
// Usage: report-check OUTDIR PAGE...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "report-check:", err)
		os.Exit(1)
	}
}

// limit is for all pages together: a browser that hangs is no pass.
const limit = 10 * time.Minute

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: report-check OUTDIR PAGE...")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	options := slices.Clone(chromedp.DefaultExecAllocatorOptions[:])
	if path, err := exec.LookPath("chromium"); err == nil {
		options = append(options, chromedp.ExecPath(path))
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses root otherwise
	}
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		return fmt.Errorf("start chromium: %w", err)
	}
	var all error
	for _, page := range args[1:] {
		for _, v := range views() {
			faults, err := check(ctx, page, args[0], v)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", page, v, err)
			}
			for _, fault := range faults {
				all = errors.Join(all, fmt.Errorf("%s, %s: %s", page, v, fault))
			}
			fmt.Printf("%-12s %-18s %d faults\n", name(page), v, len(faults))
		}
	}
	return all
}

func name(page string) string {
	return strings.TrimSuffix(filepath.Base(page), filepath.Ext(page))
}
