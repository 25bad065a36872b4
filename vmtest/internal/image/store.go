package image

import "io"

// Store is the part of a cache that holds images.
type Store struct {
	CacheDir string
	Mirrors  string    // see Options
	Module   string    // a directory of the Go module that image "build" is for
	Progress io.Writer // nil for none
}

// Schema is the name of the schema of an Inventory.
const Schema = "image-list/v1"

// Inventory is image-list/v1: the images that are known, and what the cache
// holds.
type Inventory struct {
	Schema    string   `json:"schema"`
	Known     []Known  `json:"known"`
	Images    []Cached `json:"images"`
	SizeBytes int64    `json:"size_bytes"` // of all images, on disk
}

// Known is an image that a plan may ask for.
type Known struct {
	Name     string   `json:"name"`
	Hash     string   `json:"hash,omitempty"` // of the recipe; empty if that cannot be told here
	Problem  string   `json:"problem,omitempty"`
	Packages []string `json:"packages"` // that the recipe names
	Cached   bool     `json:"cached"`
}

// Cached is an image in the cache.
type Cached struct {
	Name         string `json:"name"`
	Hash         string `json:"hash"`
	Current      bool   `json:"current"` // its recipe is that of today
	Module       string `json:"module,omitempty"`
	GoVersion    string `json:"go_version,omitempty"`
	PackageCount int    `json:"packages_count"`
	SizeBytes    int64  `json:"size_bytes"` // on disk
	BuiltAt      string `json:"built_at"`
	UsedAt       string `json:"used_at"`
	InUse        bool   `json:"in_use"`
}

// GC says what Collect removes.
type GC struct {
	All    bool // images that are up to date too
	DryRun bool // nothing, but say what would go
}
