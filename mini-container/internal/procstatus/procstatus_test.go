package procstatus

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const text = "Name:\tprobe \nState:\tS (sleeping)\nUid:\t0\t1\t2\t3\nGid:\t4\t5\t6\t7\nGroups:\t8 9 \nNSpid:\t177\t1\nThreads:\t2\n" +
	"CapInh:\t0000000000000000\nCapPrm:\t8000000000000001\nCapEff:\t00000000800405fb\nCapBnd:\t00000000800405ff\n" +
	"CapAmb:\t0000000000000002\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n"

func TestParse(t *testing.T) {
	three := 3
	s, err := Parse(text)
	require.NoError(t, err)
	require.Equal(t, &Status{
		Name: "probe ", State: "S", Threads: 2, PIDs: []int{177, 1}, UIDs: [4]uint32{0, 1, 2, 3}, GIDs: [4]uint32{4, 5, 6, 7}, Groups: []uint32{8, 9},
		Capabilities: map[string]uint64{"inheritable": 0, "permitted": 1<<63 | 1, "effective": 0x800405fb, "bounding": 0x800405ff, "ambient": 2},
		NoNewPrivs:   true, Seccomp: "filter", Filters: &three,
	}, s)
	s, err = Parse(strings.Replace(strings.Replace(text, "Seccomp_filters:\t3\n", "", 1), "8 9 ", " ", 1))
	require.NoError(t, err)
	require.Nil(t, s.Filters)
	require.Equal(t, []uint32{}, s.Groups)
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"no name", "Name:\tprobe \n", "", "field Name: it is missing"},
		{"no state", "S (sleeping)", "", "State"},
		{"odd state", "S (sleeping)", "Sleeping", "State"},
		{"no set", "CapAmb:\t0000000000000002\n", "", "field CapAmb: it is missing"},
		{"odd set", "00000000800405fb\n", "full\n", "CapEff"},
		{"odd seccomp mode", "Seccomp:\t2", "Seccomp:\t9", "unknown mode"},
		{"three ids", "Uid:\t0\t1\t2\t3", "Uid:\t0\t1\t2", "Uid"},
		{"id too large", "Gid:\t4", "Gid:\t4294967296", "Gid"},
		{"no pids", "NSpid:\t177\t1", "NSpid:", "NSpid"},
		{"odd pid", "NSpid:\t177\t1", "NSpid:\tx", "NSpid"},
		{"no threads", "Threads:\t2\n", "", "Threads"},
		{"odd group", "8 9 ", "8 x", "Groups"},
		{"odd NoNewPrivs", "NoNewPrivs:\t1", "NoNewPrivs:\t7", "NoNewPrivs"},
		{"odd count", "Seccomp_filters:\t3", "Seccomp_filters:\t-3", "no count"},
		{"empty", text, "", "it is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse(strings.Replace(text, tt.old, tt.new, 1))
			require.ErrorContains(t, err, tt.want)
			require.Nil(t, s)
		})
	}
}

// FuzzParse: whatever the text, the parser returns, and what it accepts has
// all that there must be.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{text, "Seccomp:", "Name:\t", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			require.Nil(t, s)
			return
		}
		require.Len(t, s.Capabilities, len(Sets))
		require.NotEmpty(t, s.Seccomp)
		require.NotEmpty(t, s.PIDs)
		require.Len(t, s.State, 1)
	})
}
