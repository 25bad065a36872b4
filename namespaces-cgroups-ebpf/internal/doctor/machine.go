package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Machine is what the checks see of a machine; tests play one.
type Machine struct {
	Root        string // "/" or a directory with proc/ and sys/
	Release     func() (string, error)
	LookPath    func(name string) bool
	Output      func(ctx context.Context, name string, args ...string) (string, error)
	Accelerator func(ctx context.Context) (name, reason string, err error)
}

// read returns a file's text without surrounding blanks. The file's absence
// is fs.ErrNotExist.
func (m Machine) read(path string) (string, error) {
	data, err := os.ReadFile(filepath.Join(m.Root, path))
	return strings.TrimSpace(string(data)), err
}

// unreadable is the check for a file that is there but cannot be read.
func unreadable(c Check, err error) Check {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the path is in the title, and this machine's root is nobody's business
	}
	c.Status, c.Detail = Unknown, err.Error()
	return c
}
