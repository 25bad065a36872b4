// Package plainname knows names that no shell and no path treats specially. It
// does without package regexp, whose patterns cost a quarter of a millisecond
// at every start.
package plainname

// Is reports whether a name has 1 to longest letters, digits, '_', '.' and '-'
// of ASCII, the first one a letter or a digit.
func Is(name string, longest int) bool {
	if len(name) == 0 || len(name) > longest {
		return false
	}
	for i := range len(name) {
		c := name[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || c != '_' && c != '.' && c != '-') {
			return false
		}
	}
	return true
}
