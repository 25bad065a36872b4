package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/internal/report"
)

// matrixFlags say where the renderings go.
type matrixFlags struct {
	against, html, markdown, junit, out string
}

func newMatrix() *cobra.Command {
	var f matrixFlags
	cmd := &cobra.Command{
		Use:   "matrix REPORT",
		Short: "Render a report again: matrix, HTML, Markdown, JUnit",
		Long: `Matrix reads a report.json (or the directory that holds it), checks it against
vmtest-report/v1, counts it anew, prints the matrix, and writes report.html,
report.md and junit.xml beside it, or only the files that are named ("-" is
standard output, then without the matrix).

With --against it also says what has changed since an older report: what is
newly red, what is fixed, what got slower or faster, what is new or gone.

Exit status: 0 rendered, whatever the report says; 2 bad usage or no valid
report.`,
		Example: `  vmtest matrix out/vmtest
  vmtest matrix out/vmtest --against last-week/report.json
  vmtest matrix report.json --html /tmp/report.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return exitcode.With(exitcode.Usage, f.render(cmd.OutOrStdout(), args[0]))
		},
	}
	cmd.Flags().StringVar(&f.against, "against", "", "an older report, to show what has changed")
	cmd.Flags().StringVar(&f.html, "html", "", "write only this HTML page")
	cmd.Flags().StringVar(&f.markdown, "markdown", "", "write only this Markdown page")
	cmd.Flags().StringVar(&f.junit, "junit", "", "write only this JUnit file")
	cmd.Flags().StringVar(&f.out, "out", "", "directory to write all three to (default: that of the report)")
	return cmd
}

func (f matrixFlags) render(stdout io.Writer, path string) error {
	r, dir, err := report.ReadFile(path)
	if err != nil {
		return err
	}
	page := report.Page{}
	if f.against != "" {
		old, _, err := report.ReadFile(f.against)
		if err != nil {
			return err
		}
		page.Against = &old
	}
	return f.write(stdout, r, dir, page)
}

func (f matrixFlags) write(stdout io.Writer, r report.Report, dir string, page report.Page) error {
	if f.html+f.markdown+f.junit == "" {
		if f.out == "" {
			f.out = dir
		}
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return fmt.Errorf("make output directory: %w", err)
		}
		f.html, f.markdown = filepath.Join(f.out, report.HTMLFile), filepath.Join(f.out, report.MarkdownFile)
		f.junit = filepath.Join(f.out, report.JUnitFile)
	}
	page.Files = f.html != "-" && sameDir(filepath.Dir(f.html), dir)
	for _, file := range []struct {
		path   string
		render func(io.Writer) error
	}{
		{f.html, func(w io.Writer) error { return report.HTML(w, r, page) }},
		{f.markdown, func(w io.Writer) error { return report.Markdown(w, r, page.Against) }},
		{f.junit, func(w io.Writer) error { return report.JUnit(w, r) }},
	} {
		if err := writeRendering(stdout, file.path, file.render); err != nil {
			return err
		}
	}
	if f.html == "-" || f.markdown == "-" || f.junit == "-" {
		return nil
	}
	return printReport(stdout, r, dir)
}

func writeRendering(stdout io.Writer, path string, render func(io.Writer) error) error {
	switch path {
	case "":
		return nil
	case "-":
		return render(stdout)
	}
	var b bytes.Buffer
	if err := render(&b); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write rendering: %w", err)
	}
	return nil
}

func sameDir(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
