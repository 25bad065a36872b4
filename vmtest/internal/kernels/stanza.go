package kernels

import (
	"path"
	"strconv"
	"strings"
)

// parseStanzas reads what apt-cache show prints (deb822(5)): stanzas apart by
// blank lines, each a map of lower-case field names to values. Continuation
// lines are dropped: no field used here has any.
func parseStanzas(text string) []map[string]string {
	var stanzas []map[string]string
	current := map[string]string{}
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimRight(line, " \t\r\n")
		name, value, ok := strings.Cut(line, ":")
		switch {
		case line == "":
			if len(current) > 0 {
				stanzas = append(stanzas, current)
			}
			current = map[string]string{}
		case line[0] != ' ' && line[0] != '\t' && ok:
			current[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
	return stanzas
}

// parseCandidates picks the cloud kernel packages out of apt-cache's output.
// A stanza without a sha256 or file name is none: nothing could be checked.
func parseCandidates(text string) []candidate {
	var found []candidate
	for _, s := range parseStanzas(text) {
		_, _, ok := splitName(s["package"])
		if !ok || len(s["sha256"]) != 64 || !strings.HasSuffix(s["filename"], ".deb") || s["version"] == "" {
			continue
		}
		size, _ := strconv.ParseInt(s["size"], 10, 64)
		installed, _ := strconv.ParseInt(s["installed-size"], 10, 64) // KiB
		found = append(found, candidate{
			Name: s["package"], Version: s["version"], File: path.Base(s["filename"]),
			SHA256: strings.ToLower(s["sha256"]), SizeBytes: size, InstalledBytes: installed << 10,
		})
	}
	return found
}
