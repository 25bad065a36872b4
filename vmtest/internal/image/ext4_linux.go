package image

import (
	"context"
	"os"
)

// Ext4FromDir writes an ext4 file system of sizeBytes, rounded up to 4096, to
// the new file out, holding what is in dir, and labelled label (at most 16
// bytes). The file is sparse. Files that belong to the caller belong to owner in
// it, its root directory to root. On any error out does not exist. It needs
// mke2fs (e2fsprogs).
func Ext4FromDir(ctx context.Context, dir, out string, sizeBytes int64, label string, owner Owner) error {
	return makeExt4(ctx, execRunner, ownerPrefix(os.Geteuid(), owner), dir, out, sizeBytes, label)
}
