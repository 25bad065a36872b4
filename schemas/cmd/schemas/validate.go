package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"namespaces-cgroups-ebpf/internal/exitcode"
	"namespaces-cgroups-ebpf/schemas"
)

func newValidate() *cobra.Command {
	v := &validator{}
	cmd := &cobra.Command{
		Use:   "validate [--schema NAME] [--json] [FILE|-]...",
		Short: "Validate documents or JSON lines; \"-\" or nothing is standard input",
		Long: `Validate documents or JSON lines against a schema.

A file called *.json holds one document, *.jsonl JSON lines; anything else is
JSON lines if its first line is a whole JSON value with more after it. Without
--schema each record is checked against the schema that it names itself.

Exit status: 0 all valid, 1 something is not, 2 usage or unreadable input.`,
		Example: `  schemas validate out/events.jsonl out/run.json
  connsnoop | schemas validate --schema conn-event/v1 --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			v.stdin, v.stdout = cmd.InOrStdin(), cmd.OutOrStdout()
			return v.run(args)
		},
	}
	cmd.Flags().StringVar(&v.schema, "schema", "", "`NAME` of the schema for all records (default: the one each record names)")
	cmd.Flags().BoolVar(&v.json, "json", false, "print one validation-report/v1 per file instead of text")
	if err := cmd.RegisterFlagCompletionFunc("schema", completeName); err != nil {
		panic(err) // only if the flag does not exist
	}
	return cmd
}

// validator is one call of schemas validate.
type validator struct {
	schema string
	json   bool
	stdin  io.Reader
	stdout io.Writer
}

// run goes on after an unreadable file, so that one bad name does not hide
// what is wrong with the others.
func (v *validator) run(files []string) error {
	if v.schema != "" && !slices.Contains(schemas.Names(), v.schema) {
		_, err := schemas.Source(v.schema)
		return exitcode.With(exitcode.Usage, err)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	var unreadable []error
	invalid := 0
	for _, file := range files {
		report, err := v.validate(file)
		if err != nil {
			unreadable = append(unreadable, err)
			continue
		}
		if !report.OK() {
			invalid++
		}
		if err := v.print(report); err != nil {
			return exitcode.With(exitcode.Fail, fmt.Errorf("write report: %w", err))
		}
	}
	switch {
	case len(unreadable) > 0:
		return exitcode.With(exitcode.Usage, errors.Join(unreadable...))
	case invalid > 0:
		return exitcode.With(exitcode.Fail, fmt.Errorf("%d of %d inputs not valid", invalid, len(files)))
	}
	return nil
}

func (v *validator) print(r schemas.Report) error {
	if v.json {
		return json.NewEncoder(v.stdout).Encode(r)
	}
	var text bytes.Buffer
	for _, p := range r.Problems {
		place := r.Document
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, p.Line)
		}
		fmt.Fprintf(&text, "%s  %s\n", place, p)
	}
	if r.TruncatedCount > 0 {
		fmt.Fprintf(&text, "%s  %d more problems\n", r.Document, r.TruncatedCount)
	}
	verdict := "valid"
	if !r.OK() {
		verdict = "NOT VALID"
	}
	fmt.Fprintf(&text, "%s: %s: records %d, invalid %d (%s)\n", r.Document, verdict, r.Records, r.Invalid, r.Against)
	_, err := v.stdout.Write(text.Bytes())
	return err
}
