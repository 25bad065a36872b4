package kmod

import (
	"path"
	"strings"
)

// Normalise maps a module's name, file name or path to the name the kernel
// uses: no directory, no .ko suffix, and underscores for dashes (the kernel
// treats the two alike; see modprobe(8)).
func Normalise(name string) string {
	name = path.Base(name)
	if stem, _, ok := cutSuffix(name); ok {
		name = stem
	}
	return strings.ReplaceAll(name, "-", "_")
}

// suffixes are the endings a module file may have, by compression.
var suffixes = []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz"}

// cutSuffix splits a module's file name in its stem and its suffix.
func cutSuffix(file string) (stem, suffix string, ok bool) {
	for _, s := range suffixes {
		if strings.HasSuffix(file, s) && len(file) > len(s) {
			return strings.TrimSuffix(file, s), s, true
		}
	}
	return file, "", false
}
