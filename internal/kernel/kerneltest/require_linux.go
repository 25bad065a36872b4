package kerneltest

import (
	"errors"
	"testing"

	"namespaces-cgroups-ebpf/internal/kernel"
)

// Require skips the test if the running kernel is older than the feature, and
// fails it if the feature is unknown.
func Require(t testing.TB, f kernel.Feature) {
	t.Helper()
	release, err := kernel.Release()
	if err != nil {
		t.Fatal(err)
	}
	err = kernel.Check(f, release)
	var old *kernel.UnsupportedError
	switch {
	case errors.As(err, &old):
		t.Skipf("skip: %v", old)
	case err != nil:
		t.Fatal(err)
	}
}
