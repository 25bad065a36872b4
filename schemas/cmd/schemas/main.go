package main

import (
	"errors"
	"fmt"
	"os"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

func main() {
	err := newRoot().Execute()
	if err != nil {
		fmt.Fprintf(os.Stderr, "schemas: %v\n", err)
	}
	if coded := (*exitcode.Error)(nil); err != nil && !errors.As(err, &coded) {
		err = exitcode.With(exitcode.Usage, err) // flags and arguments: cobra's own errors
	}
	os.Exit(exitcode.Of(err))
}
