package spawn

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"namespaces-cgroups-ebpf/mini-container/internal/mountflags"
)

const self = "/proc/self/exe"

// findImage decides how to execute this program where nothing can write to
// its file: from a read-only mount that is in no mount namespace, which costs
// three system calls; or, if the file has no path any more, from a sealed copy
// in memory, which costs milliseconds.
func (r *rawPlan) findImage() error {
	file, err := os.Open(self)
	if err != nil {
		return fmt.Errorf("open executable: %w", err)
	}
	defer file.Close()
	path, err := os.Readlink(self)
	if err == nil && r.useMount(file, path) {
		r.image, err = r.hold(file)
		return err
	}
	sealed, err := sealedCopy(file)
	if err != nil {
		return err
	}
	defer sealed.Close()
	r.image, err = r.hold(sealed)
	return err
}

// useMount reports whether the executable is what its path says, which a
// package manager may have changed.
func (r *rawPlan) useMount(file *os.File, path string) bool {
	var there unix.Stat_t
	var fs unix.Statfs_t
	if unix.Fstat(int(file.Fd()), &r.imageStat) != nil || unix.Stat(path, &there) != nil || unix.Statfs(path, &fs) != nil {
		return false
	}
	if there.Dev != r.imageStat.Dev || there.Ino != r.imageStat.Ino {
		return false
	}
	name, err := unix.BytePtrFromString(path)
	if err != nil || (!r.ownMount && r.flags&unix.CLONE_NEWNS == 0) {
		return false
	}
	r.seal, r.imagePath, r.imageFlags = true, name, mountflags.Kept(int64(fs.Flags))
	return true
}

// sealedCopy copies the file into memory that can never change again.
func sealedCopy(file *os.File) (*os.File, error) {
	fd, err := unix.MemfdCreate("mini-container", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // MFD_EXEC is of Linux 6.3
		fd, err = unix.MemfdCreate("mini-container", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("create memory file: %w", err)
	}
	sealed := os.NewFile(uintptr(fd), "sealed executable")
	if _, err := io.Copy(sealed, file); err != nil {
		sealed.Close()
		return nil, fmt.Errorf("copy executable: %w", err)
	}
	seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		sealed.Close()
		return nil, fmt.Errorf("seal executable: %w", err)
	}
	return sealed, nil
}
