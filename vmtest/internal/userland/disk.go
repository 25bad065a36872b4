package userland

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Files are what a guest's root disk holds.
type Files interface {
	// Exists tells whether an absolute path is there.
	Exists(ctx context.Context, path string) (bool, error)
	// Read returns a regular file's content.
	Read(ctx context.Context, path string) ([]byte, error)
}

// Disk is an ext4 image, which is only read. It needs debugfs (e2fsprogs).
type Disk string

// Exists implements Files. Links on the way are followed.
func (d Disk) Exists(ctx context.Context, path string) (bool, error) {
	out, err := d.debugfs(ctx, "stat", path)
	if err != nil {
		return false, err
	}
	return bytes.HasPrefix(bytes.TrimSpace(out), []byte("Inode: ")), nil
}

// Read implements Files.
func (d Disk) Read(ctx context.Context, path string) ([]byte, error) {
	there, err := d.Exists(ctx, path)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("read %s of the root disk: %w", path, os.ErrNotExist)
	}
	return d.debugfs(ctx, "cat", path)
}

// debugfs runs one request (debugfs(8)). It exits with 0 whatever comes of it,
// so the output must tell.
func (d Disk) debugfs(ctx context.Context, request, name string) ([]byte, error) {
	if !path.IsAbs(name) || strings.ContainsAny(name, "\"\n\\") {
		return nil, nil // nothing on a root disk is called that
	}
	program, err := findDebugfs()
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "-c", "-R", fmt.Sprintf("%s %q", request, name), string(d))
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBUGFS_PAGER=__none__")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("look into root disk: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	if strings.Contains(stderr.String(), "while trying to open") {
		return nil, fmt.Errorf("look into root disk: %s", strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// findDebugfs looks beside mke2fs too, where unprivileged users have no PATH.
func findDebugfs() (string, error) {
	if p, err := exec.LookPath("debugfs"); err == nil {
		return p, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if p, err := exec.LookPath(filepath.Join(dir, "debugfs")); err == nil {
			return p, nil
		}
	}
	return "", errors.New("find debugfs: not installed (package e2fsprogs)")
}
