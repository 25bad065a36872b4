package kmod

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// maxModinfoBytes bounds the .modinfo section; real ones are below 64 KiB.
const maxModinfoBytes = 4 << 20

// Info is what a module says about its needs in its .modinfo section.
type Info struct {
	Depends []string // normalised names that must be loaded first
	SoftPre []string // names to load first if they exist (softdep pre)
}

// ReadInfo parses the .modinfo section of a decompressed module. It fails on
// what is not ELF or has no such section.
func ReadInfo(module []byte) (Info, error) {
	f, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return Info{}, fmt.Errorf("parse module: %w", err)
	}
	section := f.Section(".modinfo")
	if section == nil {
		return Info{}, errors.New("parse module: no .modinfo section")
	}
	if section.Size > maxModinfoBytes || section.Type == elf.SHT_NOBITS {
		return Info{}, fmt.Errorf("parse module: .modinfo of %d bytes is not credible", section.Size)
	}
	data, err := section.Data()
	if err != nil {
		return Info{}, fmt.Errorf("read .modinfo: %w", err)
	}
	return parseModinfo(data), nil
}

// parseModinfo reads the NUL-separated key=value strings of a .modinfo
// section. Keys it does not know are skipped.
func parseModinfo(data []byte) Info {
	var info Info
	for _, entry := range bytes.Split(data, []byte{0}) {
		key, value, ok := strings.Cut(string(entry), "=")
		switch {
		case !ok:
		case key == "depends":
			info.Depends = append(info.Depends, names(strings.Split(value, ","))...)
		case key == "softdep":
			info.SoftPre = append(info.SoftPre, softPre(value)...)
		}
	}
	return info
}

// softPre returns the names between "pre:" and "post:" of a softdep value.
func softPre(value string) []string {
	var pre []string
	in := false
	for _, word := range strings.Fields(value) {
		switch word {
		case "pre:":
			in = true
		case "post:":
			in = false
		default:
			if in {
				pre = append(pre, word)
			}
		}
	}
	return names(pre)
}

// names normalises module names and drops empty ones.
func names(raw []string) []string {
	var out []string
	for _, name := range raw {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, Normalise(name))
		}
	}
	return out
}
