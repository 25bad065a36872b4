package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/vmtest/internal/wire"
)

func encodeAll(t *testing.T, types ...wire.Type) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := wire.NewEncoder(&buf)
	for _, typ := range types {
		require.NoError(t, enc.Encode(typ, 7, []byte("payload")))
	}
	return buf.Bytes()
}

func TestRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	enc := wire.NewEncoder(&buf)
	require.NoError(t, enc.EncodeJSON(wire.TypeHello, 0, wire.Hello{Protocol: wire.Protocol, CPUCount: 2}))
	require.NoError(t, enc.Encode(wire.TypeStdout, 3, []byte{0, 255, '\n'}))
	require.NoError(t, enc.EncodeDone(wire.Done{Runs: 1}))

	require.ErrorIs(t, enc.Encode(wire.TypeHeartbeat, 0, nil), wire.ErrClosed)

	dec := wire.NewDecoder(&buf)
	hello, err := dec.Decode()
	require.NoError(t, err)
	var h wire.Hello
	require.NoError(t, hello.JSON(&h))
	require.Equal(t, wire.Hello{Protocol: wire.Protocol, CPUCount: 2}, h)

	out, err := dec.Decode()
	require.NoError(t, err)
	require.Equal(t, wire.Frame{Type: wire.TypeStdout, ID: 3, Seq: 2, Payload: []byte{0, 255, '\n'}}, out)

	last, err := dec.Decode()
	require.NoError(t, err)
	var done wire.Done
	require.NoError(t, last.JSON(&done))
	require.Equal(t, wire.Done{FramesSent: 3, Runs: 1}, done)
	_, err = dec.Decode()
	require.Equal(t, io.EOF, err)
}

func TestDecodeRefuses(t *testing.T) {
	one := encodeAll(t, wire.TypeStdout)
	three := encodeAll(t, wire.TypeStdout, wire.TypeStdout, wire.TypeStdout)
	size := len(one)
	change := func(at int, to byte) []byte {
		b := slices.Clone(one)
		b[at] = to
		return b
	}
	huge := slices.Clone(one)
	binary.LittleEndian.PutUint32(huge[16:], 1<<31)
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"cut header", one[:10], wire.ErrTruncated},
		{"cut payload", one[:size-1], wire.ErrTruncated},
		{"no payload at all", one[:24], wire.ErrTruncated},
		{"magic", change(0, 'X'), wire.ErrCorrupt},
		{"version", change(2, 9), wire.ErrVersion},
		{"type", change(3, 99), wire.ErrUnknownType},
		{"id flipped", change(4, 8), wire.ErrCorrupt},
		{"sequence flipped", change(8, 2), wire.ErrCorrupt},
		{"payload flipped", change(24, 'P'), wire.ErrCorrupt},
		{"length beyond limit", huge, wire.ErrTooLarge},
		{"gap", slices.Concat(three[:size], three[2*size:]), wire.ErrSequence},
		{"duplicate", slices.Concat(three[:size], three[:size]), wire.ErrSequence},
		{"reordered", slices.Concat(three, three[:size]), wire.ErrSequence},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dec := wire.NewDecoder(bytes.NewReader(tt.data))
			var err error
			for err == nil {
				_, err = dec.Decode()
			}
			require.ErrorIs(t, err, tt.want)
			_, again := dec.Decode()
			require.Equal(t, err, again, "errors must stick")
			var seq *wire.SequenceError
			if errors.As(err, &seq) {
				require.Equal(t, tt.name, seq.Kind())
			}
		})
	}
}

func TestDecoderAtSkipsTheSnapshottedHello(t *testing.T) {
	two := encodeAll(t, wire.TypeHello, wire.TypeReady)
	f, err := wire.NewDecoderAt(bytes.NewReader(two[len(two)/2:]), 2).Decode()
	require.NoError(t, err)
	require.Equal(t, uint64(2), f.Seq)
}

func TestEncodeRefusesAndStaysUsable(t *testing.T) {
	var buf bytes.Buffer
	enc := wire.NewEncoder(&buf)
	require.ErrorIs(t, enc.Encode(wire.TypeStdout, 1, make([]byte, wire.MaxStreamBytes+1)), wire.ErrTooLarge)
	require.ErrorIs(t, enc.Encode(wire.Type(200), 1, nil), wire.ErrUnknownType)
	require.NoError(t, enc.Encode(wire.TypeStdout, 1, nil))
	require.Equal(t, uint64(1), enc.Sent())
}

func TestPayloadErrors(t *testing.T) {
	var run wire.Run
	require.ErrorIs(t, wire.Frame{Type: wire.TypeRun, Payload: []byte("{")}.JSON(&run), wire.ErrPayload)
	require.NoError(t, wire.Frame{Type: wire.TypeRun, Payload: []byte(`{"argv":["x"],"later":1}`)}.JSON(&run))
	require.Equal(t, []string{"x"}, run.Argv)
}

func TestConcurrentStreams(t *testing.T) {
	var buf bytes.Buffer
	enc := wire.NewEncoder(&buf)
	data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	var wg sync.WaitGroup
	for id := uint32(1); id <= 3; id++ {
		wg.Go(func() {
			_, err := enc.Stream(wire.TypeStdout, id).Write(data)
			require.NoError(t, err)
		})
	}
	wg.Wait()
	got := map[uint32][]byte{}
	dec := wire.NewDecoder(&buf)
	for {
		f, err := dec.Decode()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		got[f.ID] = append(got[f.ID], f.Payload...)
	}
	for id := uint32(1); id <= 3; id++ {
		require.True(t, bytes.Equal(data, got[id]))
	}
}

func TestTypeNames(t *testing.T) {
	require.Equal(t, "stdin-close", wire.TypeStdinClose.String())
	require.Equal(t, "type-99", wire.Type(99).String())
}
