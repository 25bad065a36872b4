package snapshot

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// writeRecord describes the files in dir.
func writeRecord(dir, key string, r Record) error {
	e := envelope{Key: key, Made: time.Now().UTC(), Record: r}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("write snapshot record: %w", err)
	}
	for _, entry := range entries {
		f, err := describe(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		e.Files = append(e.Files, f)
	}
	if e.Checksum, err = e.sum(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, recordName), append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write snapshot record: %w", err)
	}
	return nil
}

func describe(path string) (file, error) {
	f, err := os.Open(path)
	if err != nil {
		return file{}, fmt.Errorf("describe snapshot: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return file{}, fmt.Errorf("describe snapshot: %w", err)
	}
	sum, err := digest(f)
	if err != nil {
		return file{}, err
	}
	return file{Name: filepath.Base(path), SizeBytes: info.Size(), Digest: sum}, nil
}
