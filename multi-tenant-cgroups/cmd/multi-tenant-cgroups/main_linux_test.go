package main

import (
	"testing"

	"namespaces-cgroups-ebpf/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, name, main) }

func TestScripts(t *testing.T) { clitest.Run(t) }
