package minicontainer

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

func TestMessages(t *testing.T) {
	var pipe bytes.Buffer
	require.NoError(t, send(&pipe, &message{Hostname: "a", Steps: []StepTiming{{Step: "s", By: "child", DurationNS: 1}}}, wireMessage))
	require.NoError(t, send(&pipe, &message{Error: &stepError{Step: "mounts", Message: "no", Code: 4}}, wireMessage))

	var first, second, none message
	require.NoError(t, receive(&pipe, &first, wireMessage))
	require.NoError(t, first.failure())
	require.Equal(t, "a", first.Hostname)
	require.NoError(t, receive(&pipe, &second, wireMessage))
	require.EqualError(t, second.failure(), "mounts: no")
	require.Equal(t, 4, exitcode.Of(second.failure()))
	require.Equal(t, io.EOF, receive(&pipe, &none, wireMessage))
}

func TestMessagesAreBounded(t *testing.T) {
	long := strings.Repeat("a", maxMessage)
	require.ErrorContains(t, send(&bytes.Buffer{}, &long, word), "over the limit")
	for name, text := range map[string]string{
		"too long":          "\x00\x10\x00\x01",
		"longer than it is": "\x00\x00\x00\x08\x00\x00\x00\x00",
		"more than a value": "\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00",
		"only a length":     "\x00\x00\x00\x08",
		"half a length":     "\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			var said string
			err := receive(strings.NewReader(text), &said, word)
			require.Error(t, err)
			require.False(t, errors.Is(err, io.EOF), "nothing has ended: %v", err)
		})
	}
}
