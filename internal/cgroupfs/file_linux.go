package cgroupfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxFile bounds one read in bytes; the longest cgroup.procs a machine can
// have (4 Mi pids) stays below it.
const maxFile = 64 << 20

// Write writes value to the interface file dir/file in one blocking write(2).
// The file must exist. The error wraps the errno, which for a write is the
// kernel's verdict on the value (cgroup-v2.rst). An empty value is refused:
// write(2) of no bytes succeeds on cgroupfs and changes nothing.
func Write(dir, file, value string) error {
	path := filepath.Join(dir, file)
	if value == "" {
		return fmt.Errorf("write %s: empty value", path)
	}
	fd, err := open(path, unix.O_WRONLY)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	n, err := retry(func() (int, error) { return unix.Write(fd, []byte(value)) })
	if err != nil {
		return fmt.Errorf("write %q to %s: %w", value, path, err)
	}
	if n != len(value) {
		return fmt.Errorf("write %q to %s: only %d bytes taken", value, path, n)
	}
	return nil
}

// Read returns the content of dir/file without the newline at its end.
func Read(dir, file string) (string, error) {
	path := filepath.Join(dir, file)
	fd, err := open(path, unix.O_RDONLY)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	content, err := readAll(fd)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return strings.TrimSuffix(string(content), "\n"), nil
}

func readAll(fd int) ([]byte, error) {
	var content []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := retry(func() (int, error) { return unix.Read(fd, buf) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return content, nil
		}
		if content = append(content, buf[:n]...); len(content) > maxFile {
			return nil, errors.New("file is too long")
		}
	}
}

func open(path string, flags int) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat(unix.AT_FDCWD, path, flags|unix.O_CLOEXEC, 0)
	})
}

// retry repeats a call that a signal interrupted. Go installs its handlers
// with SA_RESTART, but a cgroup write may sleep in code that ignores that.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
