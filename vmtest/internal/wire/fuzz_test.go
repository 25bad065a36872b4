package wire_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

// FuzzDecode holds the decoder to three promises for any bytes: it ends, it
// returns no payload larger than its input, and what it accepts encodes back to the
// bytes that it read.
func FuzzDecode(f *testing.F) {
	var buf bytes.Buffer
	enc := wire.NewEncoder(&buf)
	for _, p := range []string{"", "a", `{"protocol":1}`} {
		if err := enc.Encode(wire.TypeHello, 1, []byte(p)); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(buf.Bytes())
	f.Add(buf.Bytes()[:30])
	f.Add([]byte("VM\x01\x08\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dec := wire.NewDecoder(bytes.NewReader(data))
		var again bytes.Buffer
		enc := wire.NewEncoder(&again)
		for {
			frame, err := dec.Decode()
			if err != nil {
				if err == io.EOF {
					require.True(t, bytes.Equal(data, again.Bytes()))
				}
				break
			}
			require.LessOrEqual(t, len(frame.Payload), len(data))
			require.NoError(t, enc.Encode(frame.Type, frame.ID, frame.Payload))
		}
		require.True(t, bytes.HasPrefix(data, again.Bytes()))
	})
}
