package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	diskName   = "root.ext4"
	recordName = "image.json"
	logName    = "build.log"
)

// Image is a root disk in the cache. It is read-only: give it to QEMU with an
// overlay (snapshot=on).
type Image struct {
	Path      string // of the raw ext4 disk
	Hash      string // of its recipe, 64 hex digits
	SizeBytes int64  // of the disk; the file is sparse
	SHA256    string // of the disk
	Packages  []Package
}

// Options say where an image comes from and goes to.
type Options struct {
	CacheDir string    // the image goes to images/<hash> below it
	Mirrors  string    // replaces the machine's mirrors; see aptsources.EnvMirrors
	Root     string    // the machine whose apt configuration counts; "" means /
	Progress io.Writer // gets a line for each stage; nil for none
}

// Package is one package installed in an image.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// record is what image.json says about the disk beside it.
type record struct {
	Hash      string    `json:"hash"`
	Arch      string    `json:"arch"`
	Recipe    Recipe    `json:"recipe"`
	SHA256    string    `json:"sha256"` // of the disk, holes included
	SizeBytes int64     `json:"size_bytes"`
	Built     string    `json:"built"` // RFC 3339, UTC
	Packages  []Package `json:"packages"`
}

// errDamaged marks a cache entry that is there and cannot be used.
var errDamaged = errors.New("damaged")

// open returns the image in the cache entry dir if it is whole. The error is
// fs.ErrNotExist if there is none, errDamaged if it is not what r describes.
func open(dir string, r Recipe) (Image, error) {
	if _, err := os.Stat(dir); err != nil {
		return Image{}, err
	}
	data, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	var rec record
	if err := json.Unmarshal(data, &rec); err != nil {
		return Image{}, fmt.Errorf("%w: read %s: %w", errDamaged, recordName, err)
	}
	disk := filepath.Join(dir, diskName)
	info, err := os.Stat(disk)
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if rec.Hash != r.Hash() || info.Size() != rec.SizeBytes {
		return Image{}, fmt.Errorf("%w: %d bytes of recipe %.12s", errDamaged, info.Size(), rec.Hash)
	}
	return Image{
		Path: disk, Hash: rec.Hash, SizeBytes: rec.SizeBytes, SHA256: rec.SHA256, Packages: rec.Packages,
	}, nil
}

// write puts the record into dir and returns once it is on the disk.
func (rec record) write(dir string) error {
	data, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return fmt.Errorf("write image record: %w", err)
	}
	f, err := os.Create(filepath.Join(dir, recordName))
	if err != nil {
		return fmt.Errorf("write image record: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write image record: %w", err)
	}
	return nil
}

// parsePackages reads lines of "name<TAB>version" as dpkg-query -W prints them.
func parsePackages(list string) ([]Package, error) {
	var packages []Package
	for _, line := range strings.Split(strings.TrimSpace(list), "\n") {
		name, version, ok := strings.Cut(line, "\t")
		if !ok || name == "" || version == "" {
			return nil, fmt.Errorf("parse package list: line %q", line)
		}
		packages = append(packages, Package{Name: name, Version: version})
	}
	return packages, nil
}

// stageWriter copies a build's log to w and tells progress of each new stage,
// which are the lines that begin with "I: ".
type stageWriter struct {
	w        io.Writer
	progress io.Writer
	prefix   string
	line     []byte
}

func (s *stageWriter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != '\n' && b != '\r' {
			s.line = append(s.line, b)
			continue
		}
		if stage, ok := strings.CutPrefix(string(s.line), "I: "); ok {
			fmt.Fprintln(s.progress, s.prefix+stage)
		}
		s.line = s.line[:0]
	}
	return s.w.Write(p)
}
