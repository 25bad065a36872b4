package qemu

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve answers each command whose name is a key of replies; %d is its id.
func serve(conn net.Conn, replies map[string]string) {
	_, _ = fmt.Fprintln(conn, `{"QMP": {"version": {}, "capabilities": []}}`)
	lines := bufio.NewScanner(conn)
	for id := 1; lines.Scan(); id++ {
		for name, text := range replies {
			if strings.Contains(lines.Text(), `"`+name+`"`) {
				_, _ = fmt.Fprintln(conn, strings.ReplaceAll(text, "%d", fmt.Sprint(id)))
			}
		}
		if strings.Contains(lines.Text(), `"quit"`) {
			_ = conn.Close()
		}
	}
}

func TestQMP(t *testing.T) {
	ours, theirs := net.Pipe()
	events := make(chan Event, 4)
	go serve(theirs, map[string]string{
		"qmp_capabilities": `{"return": {}, "id": %d}`,
		"query-status":     `{"event": "STOP", "data": {"a": 1}}` + "\n" + `{"return": {"status": "running"}, "id": %d}`,
		"bad":              `{"error": {"class": "CommandNotFound", "desc": "no bad here"}, "id": %d}`,
		"garbage":          `{"ret`,
	})
	q := NewQMP(ours, func(e Event) { events <- e })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	require.NoError(t, q.Negotiate(ctx))
	var status struct{ Status string }
	require.NoError(t, q.Execute(ctx, "query-status", nil, &status))
	require.Equal(t, "running", status.Status)
	require.Equal(t, "STOP", (<-events).Name)
	require.ErrorContains(t, q.Execute(ctx, "bad", map[string]int{"x": 1}, nil), "CommandNotFound: no bad here")

	brief, stop := context.WithTimeout(ctx, 20*time.Millisecond)
	defer stop()
	require.ErrorIs(t, q.Execute(brief, "garbage", nil, nil), context.DeadlineExceeded)
	require.ErrorIs(t, q.Execute(ctx, "quit", nil, nil), ErrMonitorClosed)
	require.ErrorIs(t, q.Execute(ctx, "query-status", nil, nil), ErrMonitorClosed)
}
