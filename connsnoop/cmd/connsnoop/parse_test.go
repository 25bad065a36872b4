package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/connsnoop"
)

func TestParsers(t *testing.T) {
	pid, comm, prefix := anyParser(parsePID), anyParser(parseComm), anyParser(parsePrefix)
	uid, ports := anyParser(parseUID), anyParser(parsePorts)
	result := anyParser(oneOf(connsnoop.Results()...))
	tests := []struct {
		name, text string
		parse      func(string) (string, error)
		want, err  string
	}{
		{"pid", "4242", pid, "4242", ""},
		{"pid 0", "0", pid, "", "must be the number of a process"},
		{"negative pid", "-1", pid, "", "must be the number of a process"},
		{"pid too large", "4294967296", pid, "", "must be the number of a process"},
		{"uid", "0", uid, "0", ""},
		{"user's name", "root", uid, "0", ""},
		{"no such user", "no-such-user", uid, "", "number or the name of a user"},
		{"empty user", "", uid, "", "number or the name of a user"},
		{"port", "443", ports, "[443]", ""},
		{"range", "65533-65535", ports, "[65533 65534 65535]", ""},
		{"range of one", "80-80", ports, "[80]", ""},
		{"range that goes down", "90-80", ports, "", "a range goes up: 80-90"},
		{"half a range", "80-", ports, "", "must be a port"},
		{"port 0", "0", ports, "", "must be a port from 1 to 65535"},
		{"port too large", "65536", ports, "", "must be a port from 1 to 65535"},
		{"service's name", "http", ports, "", "must be a port"},
		{"comm", "curl", comm, "curl", ""},
		{"comm with spaces", "Web Content", comm, "Web Content", ""},
		{"comm of 15", "fifteen-letters", comm, "fifteen-letters", ""},
		{"comm of 16", "sixteen-letters!", comm, "", `write "sixteen-letters"`},
		{"no comm", "", comm, "", "must not be empty"},
		{"comm with NUL", "a\x00b", comm, "", "NUL"},
		{"address", "192.0.2.7", prefix, "192.0.2.7/32", ""},
		{"address in IPv6 form", "::ffff:192.0.2.7", prefix, "192.0.2.7/32", ""},
		{"IPv6 address", "2001:db8::7", prefix, "2001:db8::7/128", ""},
		{"prefix", "10.0.0.0/8", prefix, "10.0.0.0/8", ""},
		{"everything", "::/0", prefix, "::/0", ""},
		{"prefix in IPv6 form", "::ffff:10.0.0.0/104", prefix, "10.0.0.0/8", ""},
		{"prefix wider than IPv4", "::ffff:0.0.0.0/95", prefix, "", "write 0.0.0.0/0"},
		{"IPv6 prefix", "2001:db8::/32", prefix, "2001:db8::/32", ""},
		{"host bits", "10.1.2.3/8", prefix, "", "write 10.0.0.0/8 for the network, 10.1.2.3 for the address"},
		{"zone", "fe80::1%eth0", prefix, "", "write fe80::1"},
		{"too long", "10.0.0.0/33", prefix, "", "must be an address or a prefix"},
		{"name", "example.org", prefix, "", "must be an address or a prefix"},
		{"no address", "", prefix, "", "must be an address or a prefix"},
		{"result", "refused", result, "refused", ""},
		{"unknown result", "Refused", result, "", "must be ok, refused, timeout, reset, unreachable, aborted or error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.parse(tt.text)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func anyParser[T any](parse func(string) (T, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		value, err := parse(text)
		return fmt.Sprint(value), err
	}
}

func TestList(t *testing.T) {
	var ports []uint16
	l := list[uint16]{into: &ports, parse: parsePorts}
	require.NoError(t, l.Set("80,8000-8002"))
	require.NoError(t, l.Set("443"))
	require.Equal(t, []uint16{80, 8000, 8001, 8002, 443}, ports)
	require.ErrorContains(t, l.Set("1,,2"), "must be a port")

	var comms []string
	whole := list[string]{into: &comms, parse: one(parseComm), whole: true}
	require.NoError(t, whole.Set("a,b"))
	require.Equal(t, []string{"a,b"}, comms)
}

func FuzzParsePrefix(f *testing.F) {
	for _, text := range []string{"10.0.0.0/8", "::ffff:10.0.0.0/104", "::ffff:1.2.3.4", "fe80::1%a", "/", "::/129"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePrefix(text)
		if err != nil {
			return
		}
		require.True(t, p.IsValid() && !p.Addr().Is4In6() && p == p.Masked())
		again, err := parsePrefix(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}

func FuzzParsePorts(f *testing.F) {
	for _, text := range []string{"80", "1-65535", "9-8", "-", "80-81-82", "+1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ports, err := parsePorts(text)
		if err == nil {
			require.NotEmpty(t, ports)
			require.True(t, slices.IsSorted(ports))
			require.NotZero(t, ports[0])
		}
	})
}

func FuzzParseComm(f *testing.F) {
	f.Add("curl")
	f.Add("sixteen-letters!")
	f.Fuzz(func(t *testing.T, text string) {
		if comm, err := parseComm(text); err == nil {
			require.Equal(t, text, comm)
			require.LessOrEqual(t, len(comm), 15)
		}
	})
}
