package state

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// writeAtomic puts data at path: a reader sees the old file or the new one.
func writeAtomic(path string, data []byte) error {
	temp, err := writeTemp(filepath.Dir(path), data)
	if err == nil {
		err = replace(temp, path)
	}
	if err != nil && temp != "" {
		err = errors.Join(err, os.Remove(temp))
	}
	return err
}

// writeTemp returns the name of a new file, "" if there is none.
func writeTemp(dir string, data []byte) (name string, err error) {
	temp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = temp.Write(data)
	return temp.Name(), errors.Join(err, temp.Close())
}

// replace gives a file another's name. Where there is one of that name the two
// are exchanged and the old one is removed: after a rename(2) over it ext4
// begins at once to write the new one to the disk (auto_da_alloc), and who
// removes that, as we soon do, waits for the disk.
func replace(temp, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	if err == nil {
		return os.Remove(temp)
	}
	return os.Rename(temp, path) // there is none, or the file system cannot exchange
}
