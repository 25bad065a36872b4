package minicontainer

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/internal/exitcode"
)

func TestMessages(t *testing.T) {
	var pipe bytes.Buffer
	require.NoError(t, send(&pipe, message{Hostname: "a", Steps: []StepTiming{{Step: "s", By: "child", DurationNS: 1}}}))
	require.NoError(t, send(&pipe, message{Error: &stepError{Step: "mounts", Message: "no", Code: 4}}))

	receiver := newReceiver(&pipe)
	var first, second message
	require.NoError(t, receiver.Decode(&first))
	require.NoError(t, first.failure())
	require.Equal(t, "a", first.Hostname)
	require.NoError(t, receiver.Decode(&second))
	require.EqualError(t, second.failure(), "mounts: no")
	require.Equal(t, 4, exitcode.Of(second.failure()))
}

func TestMessagesAreBounded(t *testing.T) {
	require.ErrorContains(t, send(&bytes.Buffer{}, strings.Repeat("a", maxMessage)), "over the limit")
	var text string
	require.Error(t, newReceiver(strings.NewReader(`"`+strings.Repeat("a", maxMessage)+`"`)).Decode(&text))
	var m message
	require.Error(t, newReceiver(strings.NewReader(`{"surprise":1}`)).Decode(&m))
}
