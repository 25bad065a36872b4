package kernels

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// unpack extracts the packages into root and moves what a VM needs to made,
// in one layout whatever the packages' own is, and runs depmod there.
func (s *store) unpack(ctx context.Context, debs []string, root, made, release string) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	for _, deb := range debs {
		c := Command{Argv: []string{"dpkg-deb", "-x", deb, root}}
		if _, err := s.run(ctx, c); err != nil {
			return aptError(err)
		}
	}
	if err := normalise(root, made, release); err != nil {
		return err
	}
	return s.depmod(ctx, filepath.Join(made, "lib", "modules", release))
}

// normalise moves the parts of a kernel from where any of Debian's layouts
// has them: /boot and /lib/modules up to 6.1, /usr/lib/modules from 6.12 on,
// with vmlinuz and config in it since 6.19.
func normalise(root, made, release string) error {
	modules := filepath.Join(made, "lib", "modules")
	if err := os.MkdirAll(modules, 0o755); err != nil {
		return err
	}
	lib := filepath.Join("lib", "modules", release)
	moves := []struct {
		to   string
		from []string
	}{
		{filepath.Join(made, "vmlinuz"), []string{"boot/vmlinuz-" + release, "usr/" + lib + "/vmlinuz", lib + "/vmlinuz"}},
		{filepath.Join(made, "config"), []string{"boot/config-" + release, "usr/" + lib + "/config", lib + "/config"}},
		{filepath.Join(modules, release), []string{"usr/" + lib, lib}},
	}
	for _, m := range moves {
		if err := moveFirst(root, m.from, m.to); err != nil {
			return err
		}
	}
	for _, file := range []string{"modules.builtin", "modules.order"} {
		if _, err := os.Stat(filepath.Join(modules, release, file)); err != nil {
			return fmt.Errorf("packages are incomplete: no %s: %w", file, err)
		}
	}
	return nil
}

// moveFirst moves the first of several names below root that exists.
func moveFirst(root string, from []string, to string) error {
	for _, name := range from {
		err := os.Rename(filepath.Join(root, name), to)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("packages are incomplete: none of %v", from)
}
