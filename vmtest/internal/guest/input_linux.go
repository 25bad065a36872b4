package guest

import (
	"errors"
	"os"
	"sync"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// errWindow is a host that sends more input than it was given room for.
var errWindow = errors.New("standard input exceeds its window")

// endOfInput is what a terminal takes for the end of input (VEOF, Ctrl-D).
const endOfInput = 4

// input holds standard input between the host and a command that may be slow
// to read it, or never does.
type input struct {
	ack    func(n int) error
	pumped chan struct{}

	mu      sync.Mutex
	changed sync.Cond
	data    []byte
	unacked int
	ended   bool
	stopped bool
}

func newInput(ack func(n int) error) *input {
	in := &input{ack: ack, pumped: make(chan struct{})}
	in.changed.L = &in.mu
	return in
}

// add queues data from the host.
func (in *input) add(data []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.unacked += len(data); in.unacked > wire.StdinWindowBytes {
		return errWindow
	}
	in.data = append(in.data, data...)
	in.changed.Signal()
	return nil
}

// end says that no more will come.
func (in *input) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended = true
	in.changed.Signal()
}

// stop ends the pump: the command is over.
func (in *input) stop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stopped = true
	in.changed.Signal()
}

// next waits for data; none means that the input has ended.
func (in *input) next() (data []byte, more bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.data) == 0 && !in.ended && !in.stopped {
		in.changed.Wait()
	}
	if in.stopped || len(in.data) == 0 {
		return nil, false
	}
	data, in.data = in.data, nil
	return data, true
}

// pump writes to the command. What it does not want (EPIPE) is acknowledged
// too, so that the host does not wait for ever.
func (in *input) pump(file *os.File, tty bool) error {
	defer close(in.pumped)
	for {
		data, more := in.next()
		if !more {
			break
		}
		_, _ = file.Write(data)
		in.mu.Lock()
		in.unacked -= len(data)
		stopped := in.stopped
		in.mu.Unlock()
		if stopped {
			return nil
		}
		if err := in.ack(len(data)); err != nil {
			return err
		}
	}
	if tty {
		_, _ = file.Write([]byte{endOfInput})
		return nil
	}
	_ = file.Close()
	return nil
}
