package minicontainer

import "strings"

// mergeEnv appends extra to base; where a key comes twice the later wins and
// keeps the place of the first.
func mergeEnv(base, extra []string) []string {
	merged := make([]string, 0, len(base)+len(extra))
	place := map[string]int{}
	for _, entry := range append(append([]string{}, base...), extra...) {
		key, _, _ := strings.Cut(entry, "=")
		if i, seen := place[key]; seen {
			merged[i] = entry
			continue
		}
		place[key] = len(merged)
		merged = append(merged, entry)
	}
	return merged
}

// lookupEnv returns the value of key, "" if it is not set.
func lookupEnv(env []string, key string) string {
	for _, entry := range env {
		if k, v, _ := strings.Cut(entry, "="); k == key {
			return v
		}
	}
	return ""
}
