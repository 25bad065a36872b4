package buildinfo

import (
	"runtime/debug"
	"strings"
)

// Version returns the module version, with the commit where the toolchain
// recorded one: "(devel)", "v1.2.0", "(devel) 1a2b3c4d5e6f+dirty".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return describe(info)
}

func describe(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	commit := settings["vcs.revision"]
	if commit == "" || strings.Contains(version, commit[:min(12, len(commit))]) {
		return version
	}
	commit = commit[:min(12, len(commit))]
	if settings["vcs.modified"] == "true" {
		commit += "+dirty"
	}
	return version + " " + commit
}
