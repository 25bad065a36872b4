package bpfjson

import (
	"bytes"
	"strconv"
)

// mangled starts the text that bpftrace 0.17-0.27 prints on x86 for a byte
// above 0x7f: \uffffff and two hexadecimal digits, a sign-extended char.
var mangled = []byte(`\uffffff`)

// notifyLine is what bpftrace prints when all probes are attached, if
// __BPFTRACE_NOTIFY_PROBES_ATTACHED is in its environment.
var notifyLine = []byte("__BPFTRACE_NOTIFY_PROBES_ATTACHED")

// unmangle gives mangled bytes their value back. Nothing else can produce
// \uffffff: bpftrace escapes byte by byte, so it never writes U+FFFF.
func unmangle(line []byte) []byte {
	if !bytes.Contains(line, mangled) {
		return line
	}
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		if b, ok := mangledByte(line[i:]); ok {
			out = append(out, b)
			i += len(mangled) + 2
			continue
		}
		n := 1
		if line[i] == '\\' && i+1 < len(line) {
			n = 2 // skip the escaped byte too, or `\\uffffff..` would match
		}
		out = append(out, line[i:i+n]...)
		i += n
	}
	return out
}

func mangledByte(s []byte) (byte, bool) {
	if len(s) < len(mangled)+2 || !bytes.HasPrefix(s, mangled) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(s[len(mangled):len(mangled)+2]), 16, 8)
	return byte(v), err == nil && v >= 0x80
}

// hexNames are the members whose numbers bpftrace >= 0.24 prints through the
// shared stream that an escape leaves in hexadecimal mode.
var hexNames = []string{"count", "events", "probes"}

// dehex rewrites hexadecimal counts as decimal ones. hex says whether the
// stream is in hexadecimal mode already; the result says whether it is after
// this line: a \u escape, in any string, switches it on for good.
func dehex(line []byte, hex, rewrite bool) ([]byte, bool) {
	var out []byte
	last := "" // text of the string token just read
	for i := 0; i < len(line); {
		if line[i] == '"' {
			end, escaped := stringEnd(line, i)
			last = string(line[i+1 : max(i+1, end-1)])
			hex = hex || escaped
			out = append(out, line[i:end]...)
			i = end
			continue
		}
		n := hexRun(line[i:])
		if n > 0 && hex && rewrite && counts(last) {
			out = append(out, toDecimal(line[i:i+n])...)
		} else {
			n = max(n, 1)
			out = append(out, line[i:i+n]...)
		}
		i += n
	}
	return out, hex
}

// stringEnd returns the index after the string token that starts at i, and
// whether it holds a \u escape.
func stringEnd(line []byte, i int) (end int, escaped bool) {
	for j := i + 1; j < len(line); j++ {
		switch line[j] {
		case '"':
			return j + 1, escaped
		case '\\':
			j++
			escaped = escaped || j < len(line) && line[j] == 'u'
		}
	}
	return len(line), escaped
}

func counts(name string) bool {
	for _, n := range hexNames {
		if n == name {
			return true
		}
	}
	return false
}

func hexRun(s []byte) int {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] >= 'a' && s[n] <= 'f') {
		n++
	}
	return n
}

func toDecimal(hex []byte) []byte {
	v, err := strconv.ParseUint(string(hex), 16, 64)
	if err != nil {
		return hex
	}
	return strconv.AppendUint(nil, v, 10)
}
