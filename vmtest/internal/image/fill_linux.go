package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// fill builds the disk, its record and its log in work.
func (b *builder) fill(ctx context.Context, work string, mirrors []string) error {
	tree := filepath.Join(work, "tree")
	if err := b.bootstrap(ctx, work, tree, mirrors); err != nil {
		return err
	}
	packages, err := b.packages(ctx, tree)
	if err != nil {
		return err
	}
	if err := b.inside(ctx, "sh", "-c", finishScript, "finish.sh", tree); err != nil {
		return err
	}
	if err := b.addGo(ctx, tree); err != nil {
		return err
	}
	fmt.Fprintf(b.options.Progress, "image %s: writing the disk\n", b.recipe.Name)
	disk := filepath.Join(work, diskName)
	if err := makeExt4(ctx, b.run, rootPrefix(b.euid), tree, disk, b.recipe.SizeBytes, "root"); err != nil {
		return err
	}
	if err := b.remove(tree); err != nil {
		return err
	}
	sum, err := seal(disk)
	if err != nil {
		return err
	}
	return record{
		Hash: b.recipe.Hash(), Arch: runtime.GOARCH, Recipe: b.recipe, SHA256: sum, SizeBytes: b.recipe.SizeBytes,
		Built: time.Now().UTC().Format(time.RFC3339), Packages: packages,
	}.write(work)
}

// bootstrap makes the Debian tree from the first mirror that has it all.
func (b *builder) bootstrap(ctx context.Context, work, tree string, mirrors []string) error {
	var errs []error
	for _, mirror := range mirrors {
		err := b.mmdebstrap(ctx, filepath.Join(work, logName), tree, mirror)
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, fmt.Errorf("from %s: %w", withoutUser(mirror), err))
		if err := b.remove(tree); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

// mmdebstrap runs mmdebstrap(1) with its log in logPath.
func (b *builder) mmdebstrap(ctx context.Context, logPath, tree, mirror string) error {
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	out := &stageWriter{w: log, progress: b.options.Progress, prefix: "image " + b.recipe.Name + ": "}
	argv := append(rootPrefix(b.euid), b.recipe.mmdebstrap(tree, mirror, b.aptOptions(ctx))...)
	// Its own temporary files go where the tree goes, so that one remove gets all.
	err = b.run(ctx, command{argv: argv, output: out, env: []string{"TMPDIR=" + filepath.Dir(tree)}})
	if err == nil || ctx.Err() != nil {
		return err
	}
	data, _ := os.ReadFile(logPath)
	return explain(string(data), b.euid, err)
}

// aptOptions are the machine's own settings for reaching its mirrors (proxies,
// checks), which mmdebstrap's private apt would not see.
func (b *builder) aptOptions(ctx context.Context) []string {
	var dump strings.Builder
	if b.run(ctx, command{argv: []string{"apt-config", "dump", "Acquire"}, output: &dump}) != nil {
		return nil
	}
	return acquireOptions(dump.String())
}

// packages lists what is installed in tree.
func (b *builder) packages(ctx context.Context, tree string) ([]Package, error) {
	var list strings.Builder
	argv := []string{"dpkg-query", "--admindir=" + filepath.Join(tree, "var/lib/dpkg"), "-W", "-f", `${Package}\t${Version}\n`}
	if err := b.run(ctx, command{argv: argv, output: &list}); err != nil {
		return nil, fmt.Errorf("list packages: %w: %s", err, tail(list.String(), logTail))
	}
	return parsePackages(list.String())
}

// inside runs argv as the root the tree's files belong to.
func (b *builder) inside(ctx context.Context, argv ...string) error {
	var log strings.Builder
	err := b.run(ctx, command{argv: append(rootPrefix(b.euid), argv...), output: &log})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return explain(log.String(), b.euid, err)
}

// seal makes the disk read-only, on stable storage, and returns its sha256 in
// hex.
func seal(disk string) (string, error) {
	f, err := os.Open(disk)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash disk: %w", err)
	}
	if err := errors.Join(f.Chmod(0o444), f.Sync()); err != nil {
		return "", fmt.Errorf("seal disk: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
