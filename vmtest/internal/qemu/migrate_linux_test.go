package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeMonitor answers as a QEMU of some version, and takes down what it was
// asked.
type fakeMonitor struct {
	version string   // JSON of query-version
	status  []string // of query-migrate, one after the other
	refuses string   // a command that fails
	calls   []string
}

func (m *fakeMonitor) GetFD(_ context.Context, name string, f *os.File) error {
	m.calls = append(m.calls, "getfd "+name+" "+filepath.Base(f.Name()))
	return nil
}

func (m *fakeMonitor) Execute(_ context.Context, command string, arguments, result any) error {
	answer := `{}`
	switch command {
	case "query-version":
		answer = m.version
	case "query-migrate":
		answer = m.status[0]
		if len(m.status) > 1 {
			m.status = m.status[1:]
		}
	default:
		text, _ := json.Marshal(arguments)
		m.calls = append(m.calls, strings.TrimSuffix(command+" "+string(text), " null"))
	}
	if command == m.refuses {
		return errors.New(command + " refused")
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal([]byte(answer), result)
}

const (
	old       = `{"qemu":{"major":7,"minor":2,"micro":22}}`
	recent    = `{"qemu":{"major":10,"minor":0,"micro":2}}`
	ignores   = `migrate-set-capabilities {"capabilities":[{"capability":"x-ignore-shared","state":true}]}`
	bandwidth = `migrate-set-parameters {"max-bandwidth":1099511627776}`
)

func TestSave(t *testing.T) {
	active, completed := `{"status":"active"}`, `{"status":"completed"}`
	tests := []struct {
		name    string
		monitor fakeMonitor
		calls   []string
		shared  bool
		err     string
	}{
		{"old", fakeMonitor{version: old, status: []string{`{}`, active, active, completed}},
			[]string{"getfd state STATE", "stop", ignores, bandwidth, `migrate {"uri":"fd:state"}`}, true, ""},
		{"recent", fakeMonitor{version: recent, status: []string{completed}},
			[]string{"stop", ignores, bandwidth, `migrate {"uri":"file:STATE"}`}, true, ""},
		{"the first with file URIs", fakeMonitor{version: `{"qemu":{"major":8,"minor":2}}`, status: []string{completed}},
			[]string{"stop", ignores, bandwidth, `migrate {"uri":"file:STATE"}`}, true, ""},
		{"the last without", fakeMonitor{version: `{"qemu":{"major":8,"minor":1}}`, status: []string{completed}},
			[]string{"getfd state STATE", "stop", ignores, bandwidth, `migrate {"uri":"fd:state"}`}, true, ""},
		{"cannot leave out RAM", fakeMonitor{version: recent, status: []string{completed}, refuses: "migrate-set-capabilities"},
			[]string{"stop", ignores, bandwidth, `migrate {"uri":"file:STATE"}`}, false, ""},
		{"fails", fakeMonitor{version: recent, status: []string{active, `{"status":"failed","error-desc":"disk full"}`}}, nil, true, "migrate: disk full"},
		{"is cancelled", fakeMonitor{version: recent, status: []string{`{"status":"cancelled"}`}}, nil, true, "migrate: cancelled"},
		{"cannot stop", fakeMonitor{version: recent, refuses: "stop"}, nil, false, "stop refused"},
		{"cannot migrate", fakeMonitor{version: recent, refuses: "migrate"}, nil, true, "migrate refused"},
		{"never ends", fakeMonitor{version: recent, status: []string{active}}, nil, true, "migrate: out of patience"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "STATE"))
			require.NoError(t, err)
			defer f.Close()
			ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("out of patience"))
			defer cancel()
			state := State{File: f}
			err = save(ctx, &tt.monitor, &state)
			require.Equal(t, tt.shared, state.SharedRAM)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			for i, call := range tt.monitor.calls {
				tt.monitor.calls[i] = strings.ReplaceAll(call, f.Name(), "STATE")
			}
			require.Equal(t, tt.calls, tt.monitor.calls)
		})
	}
}

func TestRestore(t *testing.T) {
	completed := []string{`{"status":"completed"}`}
	damaged := errors.New("damaged")
	tests := []struct {
		name    string
		monitor fakeMonitor
		shared  bool
		ready   error
		calls   []string
		err     string
	}{
		{"shared", fakeMonitor{version: old, status: completed}, true, nil,
			[]string{"getfd state STATE", ignores, `migrate-incoming {"uri":"fd:state"}`, "cont"}, ""},
		{"plain", fakeMonitor{version: recent, status: completed}, false, nil,
			[]string{`migrate-incoming {"uri":"file:STATE"}`, "cont"}, ""},
		{"damaged", fakeMonitor{version: recent, status: completed}, false, damaged,
			[]string{`migrate-incoming {"uri":"file:STATE"}`}, "damaged"},
		{"refuses the state", fakeMonitor{version: recent, status: []string{`{"status":"failed","error-desc":"bad section"}`}}, false, nil,
			[]string{`migrate-incoming {"uri":"file:STATE"}`}, "migrate: bad section"},
		{"cannot do without RAM", fakeMonitor{version: recent, refuses: "migrate-set-capabilities"}, true, nil,
			[]string{ignores}, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "STATE"))
			require.NoError(t, err)
			defer f.Close()
			err = restore(t.Context(), &tt.monitor, State{File: f, SharedRAM: tt.shared}, func() error { return tt.ready })
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
			}
			for i, call := range tt.monitor.calls {
				tt.monitor.calls[i] = strings.ReplaceAll(call, f.Name(), "STATE")
			}
			require.Equal(t, tt.calls, tt.monitor.calls, "the guest does not run before all is known to be well")
		})
	}
}

// TestGetFD: the file that QEMU gets is the one that was given.
func TestGetFD(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	ours := os.NewFile(uintptr(fds[0]), "ours")
	conn, err := net.FileConn(ours)
	require.NoError(t, errors.Join(err, ours.Close()))
	defer conn.Close()
	passed := make(chan *os.File, 1)
	go func() {
		b, oob := make([]byte, 4096), make([]byte, 64)
		_, n, _, _, _ := unix.Recvmsg(fds[1], b, oob, unix.MSG_CMSG_CLOEXEC)
		messages, _ := unix.ParseSocketControlMessage(oob[:n])
		got, _ := unix.ParseUnixRights(&messages[0])
		_, _ = unix.Write(fds[1], []byte(`{"return": {}, "id": 1}`+"\n"))
		passed <- os.NewFile(uintptr(got[0]), "passed")
	}()
	t.Cleanup(func() { _ = unix.Close(fds[1]) })
	f, err := os.CreateTemp(t.TempDir(), "state")
	require.NoError(t, err)
	defer f.Close()
	q := NewQMP(conn, func(Event) {})
	require.NoError(t, q.GetFD(t.Context(), "state", f))
	got := <-passed
	_, err = fmt.Fprint(got, "from qemu")
	require.NoError(t, errors.Join(err, got.Close()))
	data, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, "from qemu", string(data))

	pipe, other := net.Pipe()
	defer other.Close()
	defer pipe.Close()
	require.ErrorContains(t, NewQMP(pipe, func(Event) {}).GetFD(t.Context(), "state", f), "no socket")
}
