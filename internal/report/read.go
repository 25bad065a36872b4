package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/schemas"
)

// Read takes a report from somewhere else: nothing in it is believed that can
// be checked. It must validate against its schema, hold each kernel and each
// cell of the matrix once, and its counts and verdict are made anew.
func Read(in io.Reader) (Report, error) {
	data, err := io.ReadAll(io.LimitReader(in, schemas.MaxRecordBytes+1))
	if err != nil {
		return Report{}, fmt.Errorf("read report: %w", err)
	}
	if problems := schemas.Validate(Schema, data); len(problems) > 0 {
		return Report{}, fmt.Errorf("not a %s: %s (%d problems)", Schema, problems[0], len(problems))
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return Report{}, fmt.Errorf("decode report: %w", err)
	}
	if err := r.check(); err != nil {
		return Report{}, err
	}
	r.Summarize()
	return r, nil
}

// ReadFile reads a report from a file, or from the directory that holds it.
// It returns the directory, which the paths in the report are relative to.
func ReadFile(path string) (Report, string, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, JSONFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return Report{}, "", fmt.Errorf("open report: %w", err)
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return Report{}, "", fmt.Errorf("%s: %w", path, err)
	}
	return r, filepath.Dir(path), nil
}

// check is for what a schema cannot say.
func (r *Report) check() error {
	kernels := map[string]bool{}
	for _, k := range r.Kernels {
		if kernels[k.Series] {
			return fmt.Errorf("kernel %s is there twice", k.Series)
		}
		kernels[k.Series] = true
	}
	cells := map[[2]string]bool{}
	for _, result := range r.Results {
		cell := [2]string{result.Series, result.ID}
		switch {
		case !kernels[result.Series]:
			return fmt.Errorf("%s ran on %s, which is none of the kernels", result.ID, result.Series)
		case cells[cell]:
			return fmt.Errorf("%s on %s is there twice", result.ID, result.Series)
		case result.ID != result.Deliverable+"/"+result.Entry:
			return fmt.Errorf("%s is called %s/%s too", result.ID, result.Deliverable, result.Entry)
		}
		cells[cell] = true
	}
	return nil
}
