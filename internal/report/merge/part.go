package merge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/internal/report"
	"namespaces-cgroups-ebpf/schemas"
)

// Part is one report to merge.
type Part struct {
	Name   string // what the caller calls it
	Dir    string // where its files are
	SHA256 string // of its report.json
	Report report.Report
}

// Open reads a report from a file, or from the directory that holds it.
func Open(path string) (Part, error) {
	file := path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		file = filepath.Join(path, report.JSONFile)
	}
	f, err := os.Open(file)
	if err != nil {
		return Part{}, fmt.Errorf("open report: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, schemas.MaxRecordBytes+1))
	if err != nil {
		return Part{}, fmt.Errorf("read %s: %w", path, err)
	}
	r, err := report.Read(bytes.NewReader(data))
	if err != nil {
		return Part{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(r.Parts) > 0 {
		return Part{}, fmt.Errorf("%s is merged already: give the reports that it was made from", path)
	}
	sum := sha256.Sum256(data)
	return Part{Name: path, Dir: filepath.Dir(file), SHA256: hex.EncodeToString(sum[:]), Report: r}, nil
}
