package landlock

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHandledFiles(t *testing.T) {
	for abi, want := range map[int]uint64{1: 0x1fff, 2: 0x3fff, 3: 0x7fff, 4: 0x7fff, 5: 0xffff, 9: 0xffff} {
		require.Equal(t, want, handledFiles(abi), "ABI %d", abi)
	}
}

func TestGrants(t *testing.T) {
	r := Rules{Read: []string{"/etc"}, Execute: []string{"/bin"}, Write: []string{"/tmp"}}
	require.Equal(t, []grant{{"/etc", 0xc}, {"/bin", 0xd}, {"/tmp", 0x1ffe}}, r.grants(1))
	require.Equal(t, uint64(0xfffe), r.grants(6)[2].rights)
	require.NoError(t, r.Validate())
	require.ErrorContains(t, Rules{Read: []string{"etc"}}.Validate(), "not absolute")
	require.True(t, Rules{}.Empty())
	require.False(t, Rules{Bind: []uint16{80}}.Empty())
}
