package schemas

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

type compileFunc func() (*jsonschema.Schema, error)

// compilers holds for each schema a function that compiles it at its first
// use, so that a command pays only for the schemas that it needs, and one
// broken schema does not take the others with it.
var compilers = sync.OnceValue(func() map[string]compileFunc {
	all := map[string]compileFunc{}
	for _, name := range Names() {
		all[name] = sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(name) })
	}
	return all
})

func compile(name string) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = loadEmbedded
	schema, err := c.Compile(ID(name))
	var invalid *jsonschema.ValidationError
	switch {
	case errors.As(err, &invalid):
		return nil, fmt.Errorf("compile schema %s: %v", name, problemsOf(invalid)[0])
	case err != nil:
		return nil, fmt.Errorf("compile schema %s: %w", name, err)
	}
	return schema, nil
}

// loadEmbedded serves the schemas of this package by their $id and nothing
// else: a reference never reaches the network or the file system.
func loadEmbedded(url string) (io.ReadCloser, error) {
	id, ok := strings.CutPrefix(url, idPrefix)
	if !ok {
		return nil, fmt.Errorf("%s is not a schema of this module", url)
	}
	data, err := Source(strings.Replace(id, ":", "/", 1))
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
