package minicontainer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Write puts the report at path as one JSON document: a reader sees the old
// file or the whole new one, never a part. What is no file is written to as it
// is, see IsThrough.
func (r *Report) Write(path string) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false) // a shell's ">" stays readable
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if IsThrough(path) {
		if err := os.WriteFile(path, data.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".container-run-*")
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	if err := fill(temp, data.Bytes()); err != nil {
		os.Remove(temp.Name())
		return fmt.Errorf("write report %s: %w", path, err)
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		os.Remove(temp.Name())
		return fmt.Errorf("move report into place: %w", err)
	}
	return nil
}

// IsThrough reports whether something is at path that a report must not take
// the place of: a device, a pipe, or a link such as /dev/stdout.
func IsThrough(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && !info.Mode().IsRegular()
}

func fill(f *os.File, data []byte) error {
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	return f.Close()
}
