package minicontainer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/procstatus"
)

func TestNewProcess(t *testing.T) {
	p := newProcess(&procstatus.Status{Name: "sh", State: "Z", PIDs: []int{77, 5, 2}, UIDs: [4]uint32{1, 2, 3, 4}})
	require.Equal(t, &Process{InnerPID: 2, UID: 2, State: "Z", Command: []string{"sh"}}, p, "the innermost, who it acts as")
}
