package state

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckID(t *testing.T) {
	tests := []struct {
		name, id string
		ok       bool
	}{
		{"hexadecimal", "c0ffee123456", true},
		{"all that is allowed", "A-b_c.9", true},
		{"longest", strings.Repeat("a", 64), true},
		{"empty", "", false},
		{"too long", strings.Repeat("a", 65), false},
		{"hidden", ".lock", false},
		{"parent", "..", false},
		{"path", "a/b", false},
		{"option", "-f", false},
		{"blank", "a b", false},
		{"line", "a\n", false},
		{"NUL", "a\x00", false},
		{"letters of others", "ä", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckID(tt.id)
			require.Equal(t, tt.ok, err == nil, "%v", err)
		})
	}
}

func TestRootFor(t *testing.T) {
	tests := []struct {
		name       string
		uid        int
		runtimeDir string
		want       string
		fault      string
	}{
		{"root", 0, "/run/user/0", "/run/mini-container", ""},
		{"user", 1000, "/run/user/1000", "/run/user/1000/mini-container", ""},
		{"no session", 1000, "", "", "XDG_RUNTIME_DIR is not set"},
		{"relative", 1000, "run", "", "not an absolute path"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := RootFor(tt.uid, tt.runtimeDir)
			if tt.fault != "" {
				require.ErrorContains(t, err, tt.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":        "",
		"no JSON":        "x",
		"other version":  `{"schema": "container-state/v2", "id": "a"}`,
		"unknown field":  `{"schema": "container-state/v1", "id": "a", "x": 1}`,
		"id with a path": `{"schema": "container-state/v1", "id": "../a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode([]byte(text))
			require.Error(t, err)
		})
	}
}

// FuzzDecode: what is decoded has a safe name and comes out the same again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema": "container-state/v1", "id": "a", "status": "running"}`))
	f.Add([]byte(`{"schema": "container-state/v1", "id": "../a"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decode(data)
		if err != nil {
			return
		}
		require.NoError(t, CheckID(r.ID))
		again, err := encode(r)
		require.NoError(t, err)
		twin, err := decode(again)
		require.NoError(t, err)
		require.Equal(t, r.ID, twin.ID)
	})
}
