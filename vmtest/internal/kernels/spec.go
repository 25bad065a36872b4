package kernels

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Kind is where a Spec's kernel comes from.
type Kind string

// The kinds of kernel sources.
const (
	KindSeries  Kind = "series"  // the newest Debian kernel of a series
	KindVersion Kind = "version" // one version of a Debian kernel
	KindHost    Kind = "host"    // the running machine's
	KindFile    Kind = "file"    // a kernel image of this machine
	KindDeb     Kind = "deb"     // .deb files that are named
	KindURL     Kind = "url"     // an image to download
	KindOCI     Kind = "oci"     // an OCI image layout on disk
	KindName    Kind = "name"    // a name given with `vmtest kernels add`
)

// Item is a file of a Spec: a path of this machine, or a URL with a checksum.
type Item struct {
	Path   string
	URL    string
	SHA256 string // of what the URL leads to, lower-case hex
}

// Spec is a parsed kernel source.
type Spec struct {
	Kind    Kind
	Value   string // the series, version or name
	Items   []Item // the image, or the .deb files
	Modules string // directory of the image's modules, "" is none
	Dir     string // the OCI layout
	Tag     string // in it, "" if there is but one
}

// Forms says what ParseSpec takes, for messages and help.
const Forms = `6.12 (series), 6.12.107-1 (version), host, ./bzImage[,modules=DIR], deb:A.deb[,B.deb...], ` +
	`https://HOST/FILE#sha256=HEX[,modules=DIR], oci:DIR[:TAG], or a name given with vmtest kernels add`

var (
	versionForm = regexp.MustCompile(`^[1-9][0-9]*\.[0-9]+[.~+-][0-9A-Za-z.~+-]*$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._+-]{0,59}$`)
	sumForm     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ParseSpec reads a kernel source in one of the Forms. Nothing is looked up:
// that a file or name exists is for Fetch to find out.
func ParseSpec(text string) (Spec, error) {
	spec, err := parseSpec(text)
	if err != nil {
		return Spec{}, fmt.Errorf("find kernel: %q %w (want one of: %s)", text, err, Forms)
	}
	return spec, nil
}

func parseSpec(text string) (Spec, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case strings.ContainsAny(text, "\x00\n\r"):
		return Spec{}, fmt.Errorf("has a control character")
	case text == string(KindHost):
		return Spec{Kind: KindHost}, nil
	case seriesForm.MatchString(text):
		return Spec{Kind: KindSeries, Value: text}, nil
	case versionForm.MatchString(text):
		return Spec{Kind: KindVersion, Value: text}, nil
	case scheme == "oci":
		return parseOCI(rest)
	case scheme == "deb":
		return parseDebs(strings.Split(rest, ","))
	case strings.Contains(text, "/") || strings.HasPrefix(text, "."):
		return parseFile(text)
	case nameForm.MatchString(text):
		return Spec{Kind: KindName, Value: text}, nil
	}
	return Spec{}, fmt.Errorf("is no series like 6.12 and no other kernel source")
}

// parseOCI splits DIR[:TAG]. A tag has no slash, so that a directory may have
// a colon in its path.
func parseOCI(text string) (Spec, error) {
	spec := Spec{Kind: KindOCI, Dir: text}
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.Contains(text[i:], "/") {
		spec.Dir, spec.Tag = text[:i], text[i+1:]
		if spec.Tag == "" {
			return Spec{}, fmt.Errorf("ends in a colon without a tag")
		}
	}
	if spec.Dir == "" {
		return Spec{}, fmt.Errorf("names no directory")
	}
	return spec, nil
}

// parseDebs reads the packages of one kernel.
func parseDebs(items []string) (Spec, error) {
	spec := Spec{Kind: KindDeb}
	for _, text := range items {
		item, err := parseItem(text)
		if err != nil {
			return Spec{}, err
		}
		if !item.isDeb() {
			return Spec{}, fmt.Errorf("has %q, which is no .deb", text)
		}
		spec.Items = append(spec.Items, item)
	}
	return spec, nil
}

// parseFile reads an image with its options. A package needs no deb: before it.
func parseFile(text string) (Spec, error) {
	parts := strings.Split(text, ",")
	item, err := parseItem(parts[0])
	if err != nil {
		return Spec{}, err
	}
	if item.isDeb() {
		return parseDebs(parts)
	}
	spec := Spec{Kind: KindFile, Items: []Item{item}}
	if item.URL != "" {
		spec.Kind = KindURL
	}
	for _, option := range parts[1:] {
		dir, ok := strings.CutPrefix(option, modulesOption)
		if !ok || dir == "" || spec.Modules != "" {
			return Spec{}, fmt.Errorf("has %q where only one modules=DIR may be", option)
		}
		spec.Modules = dir
	}
	return spec, nil
}

const modulesOption = "modules="

// parseItem reads a path or a URL#sha256=HEX.
func parseItem(text string) (Item, error) {
	if text == "" {
		return Item{}, fmt.Errorf("has an empty file name")
	}
	if !isURL(text) {
		return Item{Path: text}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return Item{}, fmt.Errorf("has a broken URL")
	}
	sum, ok := strings.CutPrefix(u.Fragment, "sha256=")
	if sum = strings.ToLower(sum); !ok || !sumForm.MatchString(sum) {
		return Item{}, fmt.Errorf("has a URL without a checksum (#sha256= and 64 hex digits)")
	}
	u.Fragment, u.RawFragment = "", ""
	return Item{URL: u.String(), SHA256: sum}, nil
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// base is the file name, for messages and records.
func (i Item) base() string {
	if i.URL == "" {
		return filepath.Base(i.Path)
	}
	u, err := url.Parse(i.URL)
	if err != nil || u.Path == "" || u.Path == "/" {
		return "download"
	}
	return path.Base(u.Path)
}

func (i Item) isDeb() bool { return strings.HasSuffix(i.base(), ".deb") }

func (i Item) String() string {
	if i.URL == "" {
		return i.Path
	}
	return i.URL + "#sha256=" + i.SHA256
}

// String is the text that ParseSpec reads as this Spec.
func (s Spec) String() string {
	switch s.Kind {
	case KindHost:
		return string(KindHost)
	case KindSeries, KindVersion, KindName:
		return s.Value
	case KindOCI:
		if s.Tag == "" {
			return "oci:" + s.Dir
		}
		return "oci:" + s.Dir + ":" + s.Tag
	}
	var parts []string
	for _, item := range s.Items {
		parts = append(parts, item.String())
	}
	if s.Modules != "" {
		parts = append(parts, modulesOption+s.Modules)
	}
	text := strings.Join(parts, ",")
	if s.Kind == KindDeb {
		return "deb:" + text
	}
	return text
}

// Name is what the kernel is called in tables, reports and directories: the
// series, version or name itself, else something short that looks like none.
func (s Spec) Name() string {
	switch s.Kind {
	case KindSeries, KindName:
		return s.Value
	case KindVersion:
		return plain(s.Value)
	case KindHost:
		return string(KindHost)
	case KindOCI:
		if s.Tag != "" {
			return "oci-" + plain(s.Tag)
		}
		return "oci-" + plain(filepath.Base(s.Dir))
	case KindDeb:
		name, _, _ := strings.Cut(s.Items[0].base(), "_")
		return plain(strings.TrimPrefix(strings.TrimSuffix(name, ".deb"), "linux-"))
	}
	name := plain(s.Items[0].base())
	if name[0] >= '0' && name[0] <= '9' {
		name = string(s.Kind) + "-" + name
	}
	return name
}

var odd = regexp.MustCompile(`[^A-Za-z0-9._+-]+`)

// plain makes a text fit for a path element of reasonable length.
func plain(text string) string {
	text = strings.TrimLeft(odd.ReplaceAllString(text, "-"), "._+-")
	if len(text) > 48 {
		text = text[:48]
	}
	if text == "" {
		return "kernel"
	}
	return text
}

// JoinSpecs puts specs together again that a comma separated list has cut:
// modules= belongs to what is before it, and so does a .deb after a deb:.
func JoinSpecs(pieces []string) []string {
	var specs []string
	for _, piece := range pieces {
		if n := len(specs); n > 0 && continues(specs[n-1], piece) {
			specs[n-1] += "," + piece
			continue
		}
		specs = append(specs, piece)
	}
	return specs
}

func continues(spec, piece string) bool {
	if strings.HasPrefix(piece, modulesOption) {
		return true
	}
	path, _, _ := strings.Cut(piece, "#")
	return strings.HasPrefix(spec, "deb:") && strings.HasSuffix(path, ".deb") && !strings.HasPrefix(piece, "deb:")
}
