package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// features are those that every kernel from 5.10 on knows. No journal: the
// disks are thrown away or read-only, and mounting is faster without one.
const features = "none,dir_index,dir_nlink,extent,extra_isize,ext_attr,filetype,huge_file,large_file,sparse_super"

const (
	blockBytes          = 4096
	bytesPerInode       = 16384
	spareInodes         = 256
	maxLabel            = 16 // EXT2_LABEL_LEN
	minExt4Bytes  int64 = 1 << 20
)

// makeExt4 is Ext4FromDir with the runner and the command in front of mke2fs
// (which decides whose files are whose) given.
func makeExt4(ctx context.Context, run runner, prefix []string, dir, out string, size int64, label string) error {
	if size < minExt4Bytes {
		return fmt.Errorf("make ext4 %s: %d bytes are fewer than %d", out, size, minExt4Bytes)
	}
	size = (size + blockBytes - 1) / blockBytes * blockBytes
	if len(label) > maxLabel {
		return fmt.Errorf("make ext4 %s: label %q is longer than %d bytes", out, label, maxLabel)
	}
	if err := Scratch(out, size); err != nil {
		return err
	}
	argv := append(append([]string{}, prefix...), mke2fs(dir, out, size, label)...)
	var log strings.Builder
	if err := run(ctx, command{argv: argv, output: &log}); err != nil {
		if ctx.Err() != nil {
			return errors.Join(err, os.Remove(out))
		}
		return errors.Join(ext4Error(dir, out, size, log.String(), err), os.Remove(out))
	}
	return nil
}

// mke2fs is the command line; see mke2fs(8). It punches the file empty first,
// which is why zeroing the inode tables costs nothing and the file stays sparse.
func mke2fs(dir, out string, size int64, label string) []string {
	return []string{
		"mke2fs", "-q", "-F", "-t", "ext4", "-O", features,
		"-b", strconv.Itoa(blockBytes), "-I", "256", "-N", strconv.FormatInt(inodes(dir, size), 10), "-m", "0",
		"-E", "root_owner=0:0", "-L", label, "-d", dir, out,
	}
}

// inodes is the usual number for a disk of that size, or as many as dir needs.
func inodes(dir string, size int64) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(string, fs.DirEntry, error) error {
		n++ // what cannot be read is mke2fs's to complain about
		return nil
	})
	return max(size/bytesPerInode, n+n/8+spareInodes)
}

// ext4Error says in plain words what mke2fs meant.
func ext4Error(dir, out string, size int64, log string, err error) error {
	switch {
	case strings.Contains(log, "No space left on device"):
		return fmt.Errorf("make ext4 %s: no space left in %s", out, filepath.Dir(out))
	case strings.Contains(log, "Could not allocate block"), strings.Contains(log, "Could not allocate inode"):
		return fmt.Errorf("make ext4 %s: %s does not fit into %d bytes", out, dir, size)
	}
	return fmt.Errorf("make ext4 %s: %w: %s", out, err, tail(log, 5))
}

// Scratch makes the new sparse file out of size bytes, all zero: an unformatted
// disk.
func Scratch(out string, size int64) error {
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("make disk: %w", err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return fmt.Errorf("make disk %s: %w", out, errors.Join(err, os.Remove(out)))
	}
	return nil
}

// tail returns the last n lines of log.
func tail(log string, n int) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
