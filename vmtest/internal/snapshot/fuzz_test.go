package snapshot

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseRecord: a record is taken only if it is what was written.
func FuzzParseRecord(f *testing.F) {
	e := envelope{Key: "k", Files: []file{{Name: "ram", SizeBytes: 1, Digest: "d"}}, Record: Record{Hello: json.RawMessage(`{}`)}}
	var err error
	e.Checksum, err = e.sum()
	require.NoError(f, err)
	data, err := json.Marshal(e)
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte(`{"key":"k","record":{"hello":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parse(data, "k")
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		sum, err := got.sum()
		require.NoError(t, err)
		require.Equal(t, sum, got.Checksum)
		require.Equal(t, "k", got.Key)
	})
}
