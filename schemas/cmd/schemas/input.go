package main

import (
	"fmt"
	"os"
	"path/filepath"

	"namespaces-cgroups-ebpf/schemas"
)

// validate validates one file, or standard input for "-".
func (v *validator) validate(file string) (schemas.Report, error) {
	input, document := v.stdin, "-"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return schemas.Report{}, err
		}
		defer f.Close()
		input, document = f, filepath.Base(file)
	}
	report, err := schemas.ValidateAny(document, v.schema, input)
	if err != nil {
		return report, fmt.Errorf("validate %s: %w", document, err)
	}
	return report, nil
}
