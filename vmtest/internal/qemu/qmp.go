package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Event is an asynchronous QMP message (QEMU, docs/interop/qmp-spec).
type Event struct {
	Name string          `json:"event"`
	Data json.RawMessage `json:"data"`
}

// ErrMonitorClosed is returned once QEMU has closed its monitor.
var ErrMonitorClosed = errors.New("qmp monitor closed")

// QMP is a client of the QEMU machine protocol. Commands may be sent from
// several goroutines.
type QMP struct {
	conn    io.ReadWriter
	onEvent func(Event)
	ended   chan struct{}

	mu      sync.Mutex
	nextID  int
	waiting map[int]chan reply
	closed  bool
}

type reply struct {
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	ID *int `json:"id"`
	Event
}

// NewQMP starts a client on conn. onEvent is called in order, from one
// goroutine, until conn ends.
func NewQMP(conn io.ReadWriter, onEvent func(Event)) *QMP {
	q := &QMP{conn: conn, onEvent: onEvent, ended: make(chan struct{}), waiting: map[int]chan reply{}}
	go q.read()
	return q
}

// Ended is closed when the monitor is, and every event has been passed on.
func (q *QMP) Ended() <-chan struct{} { return q.ended }

// Negotiate leaves capability negotiation mode; nothing else works before.
func (q *QMP) Negotiate(ctx context.Context) error {
	return q.Execute(ctx, "qmp_capabilities", nil, nil)
}

// Execute runs a command and decodes its result into result unless that is
// nil.
func (q *QMP) Execute(ctx context.Context, command string, arguments, result any) error {
	return q.execute(ctx, command, arguments, result, nil)
}

// GetFD gives QEMU an open file under a name for later commands.
func (q *QMP) GetFD(ctx context.Context, name string, f *os.File) error {
	return q.execute(ctx, "getfd", map[string]string{"fdname": name}, nil, f)
}

func (q *QMP) execute(ctx context.Context, command string, arguments, result any, f *os.File) error {
	answer, id, err := q.send(command, arguments, f)
	if err != nil {
		return fmt.Errorf("qmp %s: %w", command, err)
	}
	select {
	case <-ctx.Done():
		q.forget(id)
		return fmt.Errorf("qmp %s: %w", command, context.Cause(ctx))
	case r, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("qmp %s: %w", command, ErrMonitorClosed)
		case r.Error != nil:
			return fmt.Errorf("qmp %s: %s: %s", command, r.Error.Class, r.Error.Desc)
		case result != nil:
			return json.Unmarshal(r.Return, result)
		}
		return nil
	}
}

func (q *QMP) send(command string, arguments any, f *os.File) (<-chan reply, int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, 0, ErrMonitorClosed
	}
	q.nextID++
	message := map[string]any{"execute": command, "id": q.nextID}
	if arguments != nil {
		message["arguments"] = arguments
	}
	b, err := json.Marshal(message)
	if err != nil {
		return nil, 0, err
	}
	answer := make(chan reply, 1)
	q.waiting[q.nextID] = answer
	return answer, q.nextID, q.write(append(b, '\n'), f)
}

// write sends a command, and with it the descriptor of f unless that is nil.
func (q *QMP) write(b []byte, f *os.File) error {
	if f == nil {
		_, err := q.conn.Write(b)
		return err
	}
	socket, ok := q.conn.(*net.UnixConn)
	if !ok {
		return errors.New("monitor is no socket that could pass a file")
	}
	_, _, err := socket.WriteMsgUnix(b, unix.UnixRights(int(f.Fd())), nil)
	return err
}

func (q *QMP) forget(id int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

func (q *QMP) read() {
	lines := bufio.NewScanner(q.conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r reply
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue // a line QEMU did not finish before it died
		}
		q.dispatch(r)
	}
	q.close()
	close(q.ended)
}

func (q *QMP) dispatch(r reply) {
	if r.Name != "" {
		q.onEvent(r.Event)
		return
	}
	if r.ID == nil {
		return // the greeting
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if answer, ok := q.waiting[*r.ID]; ok {
		answer <- r
		delete(q.waiting, *r.ID)
	}
}

func (q *QMP) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for id, answer := range q.waiting {
		close(answer)
		delete(q.waiting, id)
	}
}
