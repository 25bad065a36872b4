package minicontainer

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

// overlayRootfs puts a layer for all changes over the rootfs. It lies in
// memory, on a tmpfs that goes away with this mount namespace: it covers the
// directory itself, so no other place is needed.
func overlayRootfs(s *setup) error {
	dir := s.Spec.Root.Path
	if s.RootTree != 0 {
		if err := s.placeRoot(dir); err != nil {
			return err
		}
	}
	lower, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open rootfs: %w", err)
	}
	defer unix.Close(lower)
	if err := unix.Mount("overlay", dir, "tmpfs", unix.MS_NODEV, "mode=0700"); err != nil {
		return fmt.Errorf("mount tmpfs for changes: %w", err)
	}
	layers, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open tmpfs for changes: %w", err)
	}
	defer unix.Close(layers)
	if err := unix.Mount("", procFD(layers), "", unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make tmpfs private: %w", err)
	}
	if err := makeLayers(layers, lower); err != nil {
		return err
	}
	return s.mountOverlay(layers, lower)
}

// makeLayers: what will be "/" gets the owner and mode of the rootfs.
func makeLayers(layers, lower int) error {
	var st unix.Stat_t
	if err := unix.Fstat(lower, &st); err != nil {
		return fmt.Errorf("stat rootfs: %w", err)
	}
	for _, name := range []string{"upper", "work", "root"} {
		if err := unix.Mkdirat(layers, name, 0o700); err != nil {
			return fmt.Errorf("create %s layer: %w", name, err)
		}
	}
	if err := unix.Fchmodat(layers, "upper", st.Mode&0o7777, 0); err != nil {
		return fmt.Errorf("set mode of the upper layer: %w", err)
	}
	// An owner that is not mapped cannot be set, nor told from nobody inside.
	err := unix.Fchownat(layers, "upper", int(st.Uid), int(st.Gid), 0)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("set owner of the upper layer: %w", err)
	}
	return nil
}

func (s *setup) mountOverlay(layers, lower int) error {
	target, err := openInRoot(layers, "root")
	if err != nil {
		return err
	}
	defer unix.Close(target)
	data := fmt.Sprintf("lowerdir=%s,upperdir=%[2]s/upper,workdir=%[2]s/work", procFD(lower), procFD(layers))
	userNS := hasNamespace(s.Spec, specs.UserNamespace)
	if userNS {
		data += ",userxattr" // trusted.* is for root outside
	}
	err = unix.Mount("overlay", procFD(target), "overlay", unix.MS_NODEV, data)
	switch {
	case s.RootTree != 0 && errors.Is(err, unix.EINVAL):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("mount overlay: %w (over an idmapped rootfs that takes Linux 5.19)", err))
	case userNS && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("mount overlay: %w (in a user namespace that takes Linux 5.11; run without --overlay on a copy)", err))
	case errors.Is(err, unix.ENODEV):
		return exitcode.With(exitcode.Unsupported, fmt.Errorf("mount overlay: %w (this kernel has no overlay file system)", err))
	case err != nil:
		return fmt.Errorf("mount overlay: %w", err)
	}
	s.root, err = openInRoot(layers, "root")
	return err
}
