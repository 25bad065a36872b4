//go:build vmtest && linux

package minicontainer_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	minicontainer "namespaces-cgroups-ebpf/mini-container"
	"namespaces-cgroups-ebpf/mini-container/internal/state"
)

// runnerEnv makes the test binary a supervisor that runs one order: the
// library as the commands use it, plus faults and configurations that no flag
// can ask for.
const runnerEnv = "MC_RUNNER"

// stateRoot is where the commands keep what root has running.
const stateRoot = "/run/mini-container"

// order is what a runner is to run.
type order struct {
	Options minicontainer.Options
	Extra   minicontainer.Extra
	NoDev   bool   // a configuration without /dev: the image's is used
	Fault   string // see fault_vmtest.go

	Join       string // a container to execute in, instead of making one
	Terminal   bool
	Console    *specs.Box // a terminal, of this size
	Remembered bool       // with state and a cgroup, as the commands run it for root
	Leaky      bool       // the caller leaves descriptors of the host open
}

// runner returns the exit code that a command would have; the report goes to
// standard output, before which is what the probe says.
func runner() int {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(runnerEnv)), &o); err != nil {
		panic(err)
	}
	if o.Join != "" {
		return joiner(o)
	}
	spec := minicontainer.NewSpec(o.Options)
	if o.NoDev {
		kept := spec.Mounts[:0]
		for _, m := range spec.Mounts {
			if !strings.HasPrefix(m.Destination, "/dev") {
				kept = append(kept, m)
			}
		}
		spec.Mounts, spec.Linux.Devices = kept, nil
	}
	spec.Process.Terminal, spec.Process.ConsoleSize = o.Terminal || o.Console != nil, o.Console
	var outside minicontainer.Outside
	if o.Remembered {
		store, err := state.Open(stateRoot)
		if err != nil {
			panic(err)
		}
		outside.State = store
	} else {
		outside.Cgroup = minicontainer.CgroupNone
	}
	c := minicontainer.Container{Spec: spec, Extra: o.Extra, Outside: outside, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	report, err := c.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if text, err := json.Marshal(report); err == nil {
		fmt.Fprintln(os.Stdout, string(text))
	}
	return report.ExitCode
}

// joiner executes in a container that is there.
func joiner(o order) int {
	store, err := state.Open(stateRoot)
	if err != nil {
		panic(err)
	}
	in, err := minicontainer.Find(store, o.Join)
	if err != nil {
		panic(err)
	}
	defer in.Close()
	e := minicontainer.Exec{In: in, Args: o.Options.Args, Env: o.Options.Env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	code, err := e.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// orderCommand is the executable of runners.
var orderCommand = "/proc/self/exe"

// order starts a runner; mode is the probe's.
func (b *bench) order(t *testing.T, mode string, o order) *contained {
	t.Helper()
	o.Options.Rootfs = b.rootfs
	o.Options.Args = []string{"probe"}
	o.Options.Env = append(o.Options.Env, probeEnv+"="+mode)
	text, err := json.Marshal(o)
	require.NoError(t, err)
	cmd := exec.Command(orderCommand)
	if o.Leaky {
		cmd.ExtraFiles = leakyFiles(t)
	}
	cmd.Env = append(os.Environ(), runnerEnv+"="+string(text))
	if o.Fault != "" {
		cmd.Env = append(cmd.Env, "MINI_CONTAINER_FAULT="+o.Fault)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: b.uid, Gid: b.uid}}
	return (&contained{cmd: cmd}).begin(t)
}

// report ends a runner and reads its report.
func (c *contained) report(t *testing.T) (minicontainer.Report, int) {
	t.Helper()
	c.stdin.Close()
	text, err := io.ReadAll(c.stdout)
	require.NoError(t, err)
	c.cmd.Wait()
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var report minicontainer.Report
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &report), "%s%s", text, &c.stderr)
	return report, c.cmd.ProcessState.ExitCode()
}
