package aptsources

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads the apt sources of the machine whose root directory is root ("/"
// outside tests), in apt's own order: sources.list, then sources.list.d by
// name. A machine without any apt configuration yields no sources and no error.
func Load(root string) ([]Source, error) {
	etc := filepath.Join(root, "etc/apt")
	files := []string{filepath.Join(etc, "sources.list")}
	entries, err := os.ReadDir(filepath.Join(etc, "sources.list.d"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read apt sources: %w", err)
	}
	for _, e := range entries {
		files = append(files, filepath.Join(etc, "sources.list.d", e.Name()))
	}
	var sources []Source
	for _, file := range files {
		more, err := loadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read apt sources %s: %w", file, err)
		}
		sources = append(sources, more...)
	}
	return expandMirrorFiles(root, sources)
}

// loadFile parses one file by its extension; others (*.disabled, *.save) are
// ignored, as apt does.
func loadFile(file string) ([]Source, error) {
	parse := map[string]func(string) ([]Source, error){
		".list": ParseList, ".sources": ParseDeb822,
	}[filepath.Ext(file)]
	if parse == nil {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parse(string(data))
}

// expandMirrorFiles replaces mirror+file: URIs (apt-transport-mirror(1)) by the
// mirrors in the file they name.
func expandMirrorFiles(root string, sources []Source) ([]Source, error) {
	for i := range sources {
		var uris []string
		for _, uri := range sources[i].URIs {
			path, ok := strings.CutPrefix(uri, "mirror+file:")
			if !ok {
				uris = append(uris, uri)
				continue
			}
			more, err := readMirrorFile(filepath.Join(root, path))
			if err != nil {
				return nil, err
			}
			uris = append(uris, more...)
		}
		sources[i].URIs = uris
	}
	return sources, nil
}

// readMirrorFile returns the first word of each line: what follows it is
// priorities and types.
func readMirrorFile(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read mirror list: %w", err)
	}
	var uris []string
	for _, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if words := strings.Fields(line); len(words) > 0 {
			uris = append(uris, words[0])
		}
	}
	return trimURIs(uris), nil
}
