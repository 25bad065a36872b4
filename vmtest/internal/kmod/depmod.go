package kmod

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Depmod runs depmod(8) over modulesDir, which must end in
// lib/modules/<release>, and leaves modules.dep and its companions there.
// Debian's kernel packages come without them. Nothing outside modulesDir is
// read or written.
func Depmod(ctx context.Context, modulesDir string) error {
	base, release, err := splitModulesDir(modulesDir)
	if err != nil {
		return err
	}
	tool, err := findDepmod()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, tool, "-b", base, release)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run depmod for kernel %s: %w: %s",
			release, errors.Join(ctx.Err(), err), strings.TrimSpace(stderr.String()))
	}
	return nil
}

// splitModulesDir returns the base that depmod's -b wants, and the release.
func splitModulesDir(modulesDir string) (base, release string, err error) {
	parent, release := filepath.Split(filepath.Clean(modulesDir))
	base, ok := strings.CutSuffix(filepath.Clean(parent), filepath.Join("lib", "modules"))
	if !ok || release == "" {
		return "", "", fmt.Errorf("run depmod: %s does not end in lib/modules/<release>", modulesDir)
	}
	if base == "" {
		base = "."
	}
	return base, release, nil
}

// findDepmod looks in PATH, then where Debian keeps it: an ordinary user's
// PATH has no sbin.
func findDepmod() (string, error) {
	for _, name := range []string{"depmod", "/usr/sbin/depmod", "/sbin/depmod"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("find depmod: not installed (Debian package kmod)")
}
