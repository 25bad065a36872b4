package kernels

import (
	"cmp"
	"strings"
)

// CompareVersions orders two Debian package versions as deb-version(7) says:
// negative when a is older than b, zero when they are equal.
func CompareVersions(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	return cmp.Or(comparePart(epochA, epochB),
		comparePart(upstreamA, upstreamB), comparePart(revisionA, revisionB))
}

// splitVersion cuts [epoch:]upstream[-revision].
func splitVersion(v string) (epoch, upstream, revision string) {
	epoch, upstream, ok := strings.Cut(v, ":")
	if !ok {
		epoch, upstream = "", v
	}
	if i := strings.LastIndexByte(upstream, '-'); i >= 0 {
		upstream, revision = upstream[:i], upstream[i+1:]
	}
	return epoch, upstream, revision
}

// comparePart compares by turns a run of non-digits and a number.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		var textA, textB, numA, numB string
		textA, a = cutRun(a, false)
		textB, b = cutRun(b, false)
		numA, a = cutRun(a, true)
		numB, b = cutRun(b, true)
		if c := cmp.Or(compareText(textA, textB), compareNumber(numA, numB)); c != 0 {
			return c
		}
	}
	return 0
}

// cutRun splits off the leading run of digits, or of anything else.
func cutRun(s string, digits bool) (run, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) == digits {
		i++
	}
	return s[:i], s[i:]
}

// compareText orders non-digits: ~ before the end, the end before letters,
// letters before everything else.
func compareText(a, b string) int {
	for i := 0; i < len(a) || i < len(b); i++ {
		if c := cmp.Compare(weight(a, i), weight(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case s[i] >= 'A' && s[i] <= 'Z' || s[i] >= 'a' && s[i] <= 'z':
		return int(s[i])
	}
	return int(s[i]) + 256
}

// compareNumber compares digit strings of any length; none counts as zero.
func compareNumber(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// CompareSeries orders series and versions by age. A series of one number
// means its newest kernel, so that 7 comes after 7.2.
func CompareSeries(a, b string) int { return CompareVersions(pinned(a), pinned(b)) }

func pinned(series string) string {
	if strings.ContainsAny(series, ".-") {
		return series
	}
	return series + ".999999"
}
