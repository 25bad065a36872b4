package xdr

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

type sample struct {
	Number uint32
	Signed int
	Small  uint16
	Flag   bool
	Text   string
	Bytes  []byte
	List   []string
	May    *int
	Map    map[string]int
}

func filterSample(c *Codec, v *sample) {
	c.Uint32(&v.Number)
	Int(c, &v.Signed)
	Int(c, &v.Small)
	c.Bool(&v.Flag)
	String(c, &v.Text)
	Bytes(c, &v.Bytes)
	List(c, &v.List, String)
	Optional(c, &v.May, Int)
	Map(c, &v.Map, String, Int)
}

func TestRoundTrip(t *testing.T) {
	seven := 7
	for name, v := range map[string]sample{
		"zero":    {},
		"largest": {Number: math.MaxUint32, Signed: math.MaxInt, Small: math.MaxUint16, Flag: true},
		"least":   {Signed: math.MinInt},
		"full": {
			Text: "four", Bytes: []byte{0, 1, 2}, List: []string{"", "a", "abcde"}, May: &seven,
			Map: map[string]int{"b": 2, "a": 1, "": -1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := Encode(&v, filterSample)
			require.NoError(t, err)
			require.Zero(t, len(data)%4)
			var got sample
			require.NoError(t, Decode(data, &got, filterSample))
			require.Equal(t, v, got)
			for n := range data {
				require.ErrorIs(t, Decode(data[:n], &sample{}, filterSample), errShort)
			}
		})
	}
}

// TestFormat holds to the examples of RFC 4506.
func TestFormat(t *testing.T) {
	text, err := Encode(&[]string{"sillyprog"}[0], String)
	require.NoError(t, err)
	require.Equal(t, "\x00\x00\x00\x09sillyprog\x00\x00\x00", string(text))
	list, err := Encode(&map[string]bool{"b": true, "a": false}, func(c *Codec, v *map[string]bool) {
		Map(c, v, String, func(c *Codec, v *bool) { c.Bool(v) })
	})
	require.NoError(t, err)
	require.Equal(t, "\x00\x00\x00\x02\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01b\x00\x00\x00\x00\x00\x00\x01", string(list))
}

func TestDecodeRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		data   string
		decode func(c *Codec)
		want   string
	}{
		"too much":        {"\x00\x00\x00\x00!", func(c *Codec) { c.Uint32(new(uint32)) }, "1 bytes are left"},
		"no boolean":      {"\x00\x00\x00\x02", func(c *Codec) { c.Bool(new(bool)) }, "2 is no boolean"},
		"too large":       {"\x00\x00\x00\x00\x00\x01\x00\x00", func(c *Codec) { Int(c, new(uint16)) }, "too large"},
		"padding":         {"\x00\x00\x00\x01a\x00\x01\x00", func(c *Codec) { String(c, new(string)) }, "padding"},
		"twice":           {"\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", func(c *Codec) { m := map[string]string{}; Map(c, &m, String, String) }, "not in order"},
		"more than there": {"\xff\xff\xff\xff", func(c *Codec) { List(c, new([]string), String) }, "within a value"},
		"long text":       {"\xff\xff\xff\xff", func(c *Codec) { String(c, new(string)) }, "within a value"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, Decode([]byte(tt.data), &struct{}{}, func(c *Codec, _ *struct{}) { tt.decode(c) }), tt.want)
		})
	}
}

// TestFirstErrorStays: a filter need not look at errors.
func TestFirstErrorStays(t *testing.T) {
	var n uint32
	err := Decode([]byte("\x00\x00\x00\x02\x00\x00\x00\x07"), &n, func(c *Codec, v *uint32) {
		c.Bool(new(bool))
		c.Uint32(v)
	})
	require.ErrorContains(t, err, "no boolean")
	require.Zero(t, n)
}

func FuzzDecode(f *testing.F) {
	seven := 7
	data, err := Encode(&sample{Text: "a", List: []string{"b"}, May: &seven, Map: map[string]int{"a": 1}}, filterSample)
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var v sample
		if Decode(data, &v, filterSample) != nil {
			return
		}
		again, err := Encode(&v, filterSample)
		require.NoError(t, err)
		require.Equal(t, data, again, "there is one form of each value only")
	})
}
