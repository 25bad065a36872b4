package multitenantcgroups

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets this test binary serve as a workload process.
func TestMain(m *testing.M) {
	if os.Getenv("CGROUP_TEST_WORKLOAD") == "1" {
		if err := RunWorkload(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// startTestWorkload talks to a workload process that stays in our own cgroup.
func startTestWorkload(t *testing.T, spec WorkloadSpec) *runner {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CGROUP_TEST_WORKLOAD=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	r := &runner{cmd: cmd, in: in, requests: json.NewEncoder(in), replies: json.NewDecoder(out)}
	require.NoError(t, r.ask(spec))
	return r
}

func TestWorkload(t *testing.T) {
	tests := []struct {
		name  string
		spec  WorkloadSpec
		check func(*testing.T, WorkloadState)
	}{
		{"memory", WorkloadSpec{Kind: workMemory, Amount: 4 * chunk, Processes: 1}, func(t *testing.T, s WorkloadState) {
			require.Equal(t, uint64(4*chunk), s.Touched)
		}},
		{"pids", WorkloadSpec{Kind: workPids, Amount: 5, Processes: 1}, func(t *testing.T, s WorkloadState) {
			require.Equal(t, uint64(5), s.Forks)
			require.Zero(t, s.Errno)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := startTestWorkload(t, tt.spec)
			require.Len(t, r.last.Pids, 1)
			require.Zero(t, r.last.Touched+r.last.Forks, "nothing happens before go")
			require.NoError(t, r.ask(commandGo))
			_, err := r.until(t.Context(), func() error { return nil })
			require.NoError(t, err)
			require.True(t, r.last.Done)
			require.False(t, r.last.Ended)
			tt.check(t, r.last)
			require.NoError(t, r.ask(commandStop))
			require.True(t, r.last.Ended)
			require.Equal(t, 9, r.last.Signal)
			require.NoError(t, r.ask(tt.spec), "the same process serves the next")
			require.Zero(t, r.last.Touched+r.last.Forks)
			require.NoError(t, r.close())
		})
	}
}

func TestWorkloadEndsWithItsInput(t *testing.T) {
	r := startTestWorkload(t, WorkloadSpec{Kind: workCPU, Processes: 2})
	pids := r.last.Pids
	require.Len(t, pids, 2)
	require.NoError(t, r.close())
	for _, pid := range pids {
		require.NoDirExists(t, "/proc/"+strconv.Itoa(pid))
	}
}

func TestRunWorkloadRefusesGarbage(t *testing.T) {
	in, out := io.Pipe()
	go func() { _, _ = out.Write([]byte("x")) }()
	require.ErrorContains(t, RunWorkload(in, io.Discard), "read workload")
}
