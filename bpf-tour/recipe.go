package bpftour

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"sync"
)

//go:embed recipes/*.bt
var recipeFiles embed.FS

// Type is the type of a column or of a part of a key.
type Type string

// The types of columns. Only the last part of a key may be a string, since
// bpftrace joins the parts by commas without quoting them.
const (
	Int     Type = "int"     // signed 64-bit
	Uint    Type = "uint"    // unsigned 64-bit
	String  Type = "string"  // text
	Strings Type = "strings" // a tuple of texts; the column before it says how many are meant
)

// Column describes one value of an event, or one part of a histogram's key.
type Column struct {
	Name        string `json:"name"` // ends in _<unit> if it is a quantity
	Type        Type   `json:"type"`
	Unit        string `json:"unit"` // ns, bytes, count, identifier, or none for text
	Description string `json:"description"`
}

// HistogramSpec describes a histogram map of a recipe.
type HistogramSpec struct {
	Map         string   `json:"map"` // its name in the recipe, with the @
	Name        string   `json:"name"`
	Unit        string   `json:"unit"` // unit of the bucket bounds
	Description string   `json:"description"`
	Key         []Column `json:"key"` // empty for a histogram without a key
}

// Recipe is one bpftrace program and what is known of its output.
type Recipe struct {
	Name, Title, Answers string
	Probes               []string // as bpftrace names them, without wildcards
	Needs                []string // "btf"
	Columns              []Column // of the events it prints; empty if it prints none
	Histograms           []HistogramSpec
	Notes                []string // what it does not see
	Source               string   // the whole .bt file
}

// SHA256 returns the hash of the recipe's source in lower-case hexadecimal.
func (r Recipe) SHA256() string {
	sum := sha256.Sum256([]byte(r.Source))
	return hex.EncodeToString(sum[:])
}

// Recipes returns the built-in recipes, sorted by name. They are part of the
// program: a header that does not parse is a bug, and panics.
var Recipes = sync.OnceValue(func() []Recipe {
	files, err := recipeFiles.ReadDir("recipes")
	if err != nil {
		panic(err)
	}
	var out []Recipe
	for _, f := range files {
		source, err := recipeFiles.ReadFile(path.Join("recipes", f.Name()))
		if err != nil {
			panic(err)
		}
		r, err := ParseRecipe(string(source))
		if err != nil || r.Name+".bt" != f.Name() {
			panic(fmt.Sprintf("recipe %s: name %q: %v", f.Name(), r.Name, err))
		}
		out = append(out, r)
	}
	return out
})

// Lookup returns the built-in recipe of that name. The error lists the names
// there are.
func Lookup(name string) (Recipe, error) {
	var names []string
	for _, r := range Recipes() {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Recipe{}, fmt.Errorf("no recipe %q (there are: %s)", name, strings.Join(names, ", "))
}
