package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/schemas"
)

// Names of the files that Write makes.
const (
	JSONFile     = "report.json"
	JUnitFile    = "junit.xml"
	MarkdownFile = "report.md"
	HTMLFile     = "report.html"
)

// Write puts report.json, junit.xml, report.md and report.html into dir, each at once: a
// reader never sees half a file. A report that does not validate against its
// own schema is written too, and is an error.
func Write(dir string, r Report) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	files := []struct {
		name   string
		render func(io.Writer) error
	}{
		{JSONFile, func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err }},
		{JUnitFile, func(w io.Writer) error { return JUnit(w, r) }},
		{MarkdownFile, func(w io.Writer) error { return Markdown(w, r, nil) }},
		{HTMLFile, func(w io.Writer) error { return HTML(w, r, Page{Files: true}) }},
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(dir, f.name), f.render); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	if problems := schemas.Validate(Schema, data); len(problems) > 0 {
		p := problems[0]
		return fmt.Errorf("validate %s: %s: %s (%d problems)", JSONFile, p.Instance, p.Message, len(problems))
	}
	return nil
}

func writeFile(path string, render func(io.Writer) error) error {
	var b bytes.Buffer
	if err := render(&b); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.Write(b.Bytes()); err != nil {
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
