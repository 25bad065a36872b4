package account

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	passwd = `root:x:0:0:root:/root:/bin/sh
bad:x:zero:0::/:/bin/sh
daemon:x:1:1::/usr/sbin:
# a remark
alice:x:1000:100:Alice:/home/alice:/bin/sh
1234:x:0:0:number for a name:/:/bin/sh
short:x:5
twice:x:7:7::/first:
twice:x:8:8::/second:
octal:x:010:0::/:
`
	groups = "root:x:0:\nwheel:x:10:alice,root\nusers:x:100:alice\naudio:x:29:bob,alice\nbad:x::alice\n"
)

func TestResolve(t *testing.T) {
	for text, want := range map[string]Account{
		"0":           {Home: "/root", Groups: []uint32{10}},
		"alice":       {UID: 1000, GID: 100, Home: "/home/alice", Groups: []uint32{10, 29}},
		"1000":        {UID: 1000, GID: 100, Home: "/home/alice", Groups: []uint32{10, 29}},
		"alice:0":     {UID: 1000, Home: "/home/alice"},
		"alice:audio": {UID: 1000, GID: 29, Home: "/home/alice"},
		"4242":        {UID: 4242},
		"1234":        {UID: 1234},
		"4242:wheel":  {UID: 4242, GID: 10},
		"4294967294":  {UID: 4294967294},
		"twice":       {UID: 7, GID: 7, Home: "/first"},
	} {
		t.Run(text, func(t *testing.T) {
			r, err := Parse(text)
			require.NoError(t, err)
			got, err := r.Resolve(strings.NewReader(passwd), strings.NewReader(groups))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

// TestCVE202630892: what is not understood is refused and never becomes root.
func TestCVE202630892(t *testing.T) {
	for _, text := range []string{
		"", ":", "1000:", ":1000", "1000x", "-1", "+1", "0x3e8", "1e3", "1000 ", " 1000", "01000", "4294967295", "4294967296",
		"18446744073709551616", "1000:1000:1000", "alice\n", "a b", "1000:-1", "1000:10x", "a/b", "alice:", "10\x0000", "１０",
	} {
		_, err := Parse(text)
		require.Error(t, err, "%q", text)
	}
	for _, text := range []string{"nobody", "bad", "octal", "short", "1000:nogroup", "4242:bad", "#", "root2"} {
		r, err := Parse(text)
		require.NoError(t, err)
		_, err = r.Resolve(strings.NewReader(passwd), strings.NewReader(groups))
		require.ErrorContains(t, err, "not in the container's", text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("alice:100", passwd)
	f.Add("0", "::0:0:::")
	f.Fuzz(func(t *testing.T, text, file string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		a, err := r.Resolve(strings.NewReader(file), strings.NewReader(file))
		if err == nil && text != "0" && !strings.HasPrefix(text, "0:") && a.UID == 0 {
			require.Contains(t, file, ":0:", "%q became root out of nothing", text)
		}
	})
}
