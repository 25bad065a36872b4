package schemas

import (
	"embed"
	"fmt"
	"regexp"
	"sort"
	"strings"
)

//go:embed *.schema.json
var files embed.FS

const (
	fileSuffix = ".schema.json"
	idPrefix   = "urn:namespaces-cgroups-ebpf:"
)

// nameForm is the form of every schema name: "conn-event/v1".
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}/v[1-9][0-9]?$`)

// Names lists the schemas, sorted: "cgroup-policy/v1", "conn-event/v1", ...
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the embedded root directory is always there
	}
	var names []string
	for _, entry := range entries {
		base := strings.TrimSuffix(entry.Name(), fileSuffix)
		if dot := strings.LastIndexByte(base, '.'); dot > 0 {
			names = append(names, base[:dot]+"/"+base[dot+1:])
		}
	}
	sort.Strings(names)
	return names
}

// Source returns the text of the schema called name ("conn-event/v1"), a JSON
// Schema of draft 2020-12.
func Source(name string) ([]byte, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("no schema called %s: a name reads like \"conn-event/v1\"", quote(name))
	}
	data, err := files.ReadFile(strings.Replace(name, "/", ".", 1) + fileSuffix)
	if err != nil {
		return nil, fmt.Errorf("no schema called %q", name)
	}
	return data, nil
}

// ID returns the $id of the schema called name.
func ID(name string) string {
	return idPrefix + strings.Replace(name, "/", ":", 1)
}
