package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// migratePoll is the time between two looks at a migration. The device state
// is about a megabyte, so it takes some milliseconds.
const migratePoll = 2 * time.Millisecond

// unlimited is a bandwidth above what any disk has, in bytes per second; the
// default is meant for networks.
const unlimited = 1 << 40

// stateFD is the name under which QEMU keeps the descriptor of the state.
const stateFD = "state"

// executor is the part of QMP that migrations need.
type executor interface {
	GetFD(ctx context.Context, name string, f *os.File) error
	Execute(ctx context.Context, command string, arguments, result any) error
}

// State is what a machine is saved to and restored from.
type State struct {
	File *os.File
	// SharedRAM says that RAM is in a file of its own and not in the state.
	SharedRAM bool
}

// Save stops the machine and writes its state. It returns whether RAM stayed
// in the shared file that it is: a QEMU that cannot do so writes it into the
// state. The machine stays stopped; its disks are settled.
func (p *Process) Save(ctx context.Context, f *os.File) (State, error) {
	s := State{File: f}
	err := save(ctx, p.QMP, &s)
	return s, err
}

// Restore loads a state into a machine started with Incoming, and lets it run
// once ready says so: until then the guest has not executed an instruction.
func (p *Process) Restore(ctx context.Context, s State, ready func() error) error {
	return restore(ctx, p.QMP, s, ready)
}

func save(ctx context.Context, q executor, s *State) error {
	uri, err := s.uri(ctx, q)
	if err != nil {
		return err
	}
	if err := q.Execute(ctx, "stop", nil, nil); err != nil {
		return err
	}
	s.SharedRAM = ignoreShared(ctx, q) == nil
	bandwidth := map[string]int64{"max-bandwidth": unlimited}
	if err := q.Execute(ctx, "migrate-set-parameters", bandwidth, nil); err != nil {
		return err
	}
	if err := q.Execute(ctx, "migrate", map[string]string{"uri": uri}, nil); err != nil {
		return err
	}
	return migrated(ctx, q)
}

func restore(ctx context.Context, q executor, s State, ready func() error) error {
	uri, err := s.uri(ctx, q)
	if err != nil {
		return err
	}
	if s.SharedRAM {
		if err := ignoreShared(ctx, q); err != nil {
			return err
		}
	}
	if err := q.Execute(ctx, "migrate-incoming", map[string]string{"uri": uri}, nil); err != nil {
		return err
	}
	if err := migrated(ctx, q); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	return q.Execute(ctx, "cont", nil, nil)
}

// ignoreShared leaves RAM that is a shared file out of the state.
func ignoreShared(ctx context.Context, q executor) error {
	type capability struct {
		Name  string `json:"capability"`
		State bool   `json:"state"`
	}
	return q.Execute(ctx, "migrate-set-capabilities",
		map[string]any{"capabilities": []capability{{Name: "x-ignore-shared", State: true}}}, nil)
}

// uri is how this QEMU is told where the state is. It may start no program, so
// that "exec:" is out; "file:" came with
// 8.2, and descriptors of files are deprecated since 9.1.
func (s State) uri(ctx context.Context, q executor) (string, error) {
	var version struct {
		QEMU struct{ Major, Minor int } `json:"qemu"`
	}
	if err := q.Execute(ctx, "query-version", nil, &version); err != nil {
		return "", err
	}
	if v := version.QEMU; v.Major > 8 || v.Major == 8 && v.Minor >= 2 {
		return "file:" + s.File.Name(), nil
	}
	return "fd:" + stateFD, q.GetFD(ctx, stateFD, s.File)
}

// migrated waits for the end of a migration in either direction.
func migrated(ctx context.Context, q executor) error {
	for {
		var info struct {
			Status string `json:"status"`
			Error  string `json:"error-desc"`
		}
		if err := q.Execute(ctx, "query-migrate", nil, &info); err != nil {
			return err
		}
		switch info.Status {
		case "completed":
			return nil
		case "failed", "cancelled":
			if info.Error == "" {
				info.Error = info.Status
			}
			return errors.New("migrate: " + info.Error)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("migrate: %w", context.Cause(ctx))
		case <-time.After(migratePoll):
		}
	}
}

// Quit ends QEMU in good order, which closes its files, and waits for that.
func (p *Process) Quit(ctx context.Context) error {
	if err := p.QMP.Execute(ctx, "quit", nil, nil); err != nil && !errors.Is(err, ErrMonitorClosed) {
		return err
	}
	select {
	case <-p.exited:
		return p.ExitErr()
	case <-ctx.Done():
		return fmt.Errorf("quit qemu: %w", context.Cause(ctx))
	}
}
