package qemu

import (
	"context"
	"net"
	"testing"
	"time"
)

// FuzzQMP: whatever QEMU writes, nobody waits for longer than it lives.
func FuzzQMP(f *testing.F) {
	f.Add([]byte(`{"QMP":{}}` + "\n" + `{"return":{},"id":1}` + "\n"))
	f.Add([]byte(`{"event":"STOP"}{"error":{"class":"x"},"id":1}`))
	f.Add([]byte(`{"id":-1,"return":[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, theirs := net.Pipe()
		q := NewQMP(ours, func(Event) {})
		go func() { // what we say is read, or else we would wait for that
			buf := make([]byte, 512)
			for {
				if _, err := theirs.Read(buf); err != nil {
					return
				}
			}
		}()
		go func() {
			_, _ = theirs.Write(data)
			_ = theirs.Close()
		}()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = q.Negotiate(ctx)
		var result any
		_ = q.Execute(ctx, "query-status", nil, &result)
		select {
		case <-q.Ended():
		case <-ctx.Done():
			t.Fatal("still waits")
		}
	})
}
