package multitenantcgroups

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// runner drives one workload process from outside.
type runner struct {
	cmd      *exec.Cmd
	in       io.Closer
	requests *json.Encoder
	replies  *json.Decoder
	stderr   bytes.Buffer
	last     WorkloadState
}

// startRunner starts argv, which must end up in RunWorkload. That process
// serves all workloads of a verify; it never enters a tenant's cgroup itself.
func startRunner(ctx context.Context, argv []string) (*runner, error) {
	r := &runner{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	r.cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	r.cmd.Stderr = &r.stderr
	r.cmd.WaitDelay = time.Second
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.in, r.requests, r.replies = stdin, json.NewEncoder(stdin), json.NewDecoder(stdout)
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start workload: %w", err)
	}
	return r, nil
}

// admit has the workers of spec forked and moves them into cgroup, where they
// wait for commandGo. Moving through cgroup.procs and not clone3 keeps cpuset
// right on 5.10, and no start-up runs under the limit.
func (r *runner) admit(tree Tree, cgroup string, spec WorkloadSpec) error {
	if err := r.ask(spec); err != nil {
		return err
	}
	for _, pid := range r.last.Pids {
		if err := tree.Write(cgroup, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("move workload: %w", err)
		}
	}
	return nil
}

// ask sends a request and keeps the state that comes back.
func (r *runner) ask(request any) error {
	if err := r.requests.Encode(request); err != nil {
		return r.broken(err)
	}
	r.last = WorkloadState{}
	if err := r.replies.Decode(&r.last); err != nil {
		return r.broken(err)
	}
	return nil
}

func (r *runner) broken(err error) error {
	if text := strings.TrimSpace(r.stderr.String()); text != "" {
		return fmt.Errorf("talk to workload: %w: %s", err, text)
	}
	return fmt.Errorf("talk to workload: %w", err)
}

// close ends the process and what it forked, and reaps it.
func (r *runner) close() error {
	_ = r.in.Close()
	return r.cmd.Wait()
}
