package vmtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/vmtest/internal/image"
)

// payloadRoom is what fits onto the payload disk beside its own tables.
const payloadRoom = payloadBytes - payloadBytes/16

// buildPayload makes the payload disk in the work directory: what is in dir
// (unless that is ""), and copies of the mounts. All of it belongs to owner.
func buildPayload(ctx context.Context, dir string, mounts []Mount, owner image.Owner, work *workDir, note func(string)) (string, error) {
	out := filepath.Join(work.Path, "payload")
	if len(mounts) > 0 {
		stage := filepath.Join(work.Path, "stage")
		err := stagePayload(ctx, stage, dir, mounts, payloadRoom, note)
		defer os.RemoveAll(stage)
		if err != nil {
			return "", fmt.Errorf("copy mounts: %w", needRoom(err))
		}
		dir = stage
	}
	if err := image.Ext4FromDir(ctx, dir, out, payloadBytes, "payload", owner); err != nil {
		return "", fmt.Errorf("make payload disk: %w", err)
	}
	return out, nil
}

// stagePayload makes the directory that the disk is made from. The sizes are
// looked at before anything is copied.
func stagePayload(ctx context.Context, stage, dir string, mounts []Mount, room int64, note func(string)) error {
	if note == nil {
		note = func(string) {}
	}
	c := copier{ctx: ctx, note: note}
	if dir != "" {
		mounts = append([]Mount{{Source: dir}}, mounts...)
	}
	var total int64
	for _, m := range mounts {
		if m.Source == "" {
			continue // guest init makes it
		}
		size, err := m.copier(c).measure(m.Source)
		if err != nil {
			return err
		}
		if total += size; total > room {
			return fmt.Errorf("%s does not fit: %s in all, the guest's disk holds %s", m.Source, mebibytes(total), mebibytes(room))
		}
	}
	if dir != "" {
		if err := c.copy(dir, stage); err != nil {
			return err
		}
		mounts = mounts[1:]
	}
	if err := os.MkdirAll(filepath.Join(stage, mountsDir), 0o755); err != nil {
		return err
	}
	for i, m := range mounts {
		if m.Source == "" {
			continue
		}
		if err := m.copier(c).copy(m.Source, filepath.Join(stage, mountName(i))); err != nil {
			return err
		}
	}
	return nil
}

func (m Mount) copier(c copier) copier {
	if m.withoutVCS {
		c.skip = vcsDirs
	}
	return c
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }
