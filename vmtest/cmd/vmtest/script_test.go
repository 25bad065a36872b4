package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"namespaces-cgroups-ebpf/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "vmtest", main) }

func TestScripts(t *testing.T) {
	clitest.Run(t, func(p *testscript.Params) {
		// ONLY is a PATH with no other program than ours.
		p.Setup = func(e *testscript.Env) error {
			e.Setenv("ONLY", filepath.SplitList(e.Getenv("PATH"))[0])
			return nil
		}
	})
}
