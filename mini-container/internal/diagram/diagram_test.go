package diagram

import (
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/mini-container/internal/inspect"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// report is what the kernel said of a container, a fixture of the schema.
func report(t testing.TB) *inspect.Report {
	t.Helper()
	data, err := os.ReadFile("../../../schemas/testdata/valid/container-inspect/container.json")
	require.NoError(t, err)
	r := &inspect.Report{}
	require.NoError(t, json.Unmarshal(data, r))
	return r
}

// pictures are what the golden files show.
func pictures(t testing.TB) map[string]*Picture {
	own := FromReport(report(t))
	own.Links = []string{"eth0 10.199.0.2/16 - mc0123456789ab on bridge mc0, NAT"}
	plain := report(t)
	no, yes := false, true
	for i := range plain.Namespaces {
		ns := &plain.Namespaces[i]
		ns.Owner, ns.SharedWithInit = 4026531837, &no
		switch ns.Type {
		case "user", "time":
			ns.SharedWithInit, ns.Inode = &yes, 4026531837
		case "net":
			ns.SharedWithInit, ns.SharedWithCaller = nil, nil
		}
	}
	plain.Container, plain.UIDMappings = "", nil
	return map[string]*Picture{"user-namespace": own, "root": FromReport(plain)}
}

func TestGolden(t *testing.T) {
	for name, p := range pictures(t) {
		for suffix, draw := range map[string]func(io.Writer) error{"txt": p.Text, "svg": p.SVG} {
			t.Run(name+"."+suffix, func(t *testing.T) {
				var out strings.Builder
				require.NoError(t, draw(&out))
				path := filepath.Join("testdata", name+"."+suffix)
				if *update {
					require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Equal(t, string(want), out.String())
			})
		}
	}
}

// claim is what the SVG says of one namespace.
type claim struct {
	Kind     string `xml:"data-kind,attr"`
	Inode    uint64 `xml:"data-inode,attr"`
	Relation string `xml:"data-relation,attr"`
	Owned    bool   `xml:"data-owned,attr"`
}

// document is the parts of an SVG that are looked at.
type document struct {
	Title string  `xml:"title"`
	Desc  string  `xml:"desc"`
	G     []claim `xml:"g"`
	Role  string  `xml:"role,attr"`
}

func parse(t *testing.T, p *Picture) document {
	t.Helper()
	var out strings.Builder
	require.NoError(t, p.SVG(&out))
	var d document
	require.NoError(t, xml.Unmarshal([]byte(out.String()), &d))
	return d
}

// TestClaims: a drawing says what the inspection said, no more and no less.
func TestClaims(t *testing.T) {
	r := report(t)
	d := parse(t, FromReport(r))
	require.Equal(t, "img", d.Role)
	require.Contains(t, d.Title, "container demo")
	require.Contains(t, d.Desc, "Namespaces of its own: ")
	require.Len(t, d.G, len(r.Namespaces))
	byKind := map[string]claim{}
	for _, c := range d.G {
		byKind[c.Kind] = c
	}
	var text strings.Builder
	require.NoError(t, FromReport(r).Text(&text))
	for _, ns := range r.Namespaces {
		c := byKind[ns.Type]
		require.Equal(t, ns.Inode, c.Inode, ns.Type)
		require.Equal(t, *ns.SharedWithInit, c.Relation == "shared", ns.Type)
		require.Equal(t, ns.Owner == byKind["user"].Inode, c.Owned, ns.Type)
		require.Contains(t, text.String(), fmt.Sprintf("%-7s %-11d %s", ns.Type, ns.Inode, c.Relation))
	}
}

func TestRelation(t *testing.T) {
	yes, no := true, false
	require.Equal(t, Shared, relation(inspect.Namespace{SharedWithInit: &yes, SharedWithCaller: &no}))
	require.Equal(t, Own, relation(inspect.Namespace{SharedWithCaller: &no}))
	require.Equal(t, Unknown, relation(inspect.Namespace{}), "nothing is guessed")
	r := report(t)
	require.Equal(t, "read from the kernel", FromReport(r).Source)
	r.Namespaces[0].SharedWithInit = nil
	require.Contains(t, FromReport(r).Source, "PID 1 cannot be seen")
}

// TestHostileText: names are the container's to choose.
func TestHostileText(t *testing.T) {
	p := &Picture{
		Title: "</title><script>x</script>\x1b[2J", Cgroup: "/<&\"'>\x00\xff", Mounts: []string{"/\x1b[31m\n" + strings.Repeat("x", 200)},
		Namespaces: []Namespace{{Kind: "pid", Relation: Own}},
	}
	d := parse(t, p)
	require.Contains(t, d.Title, "<script>", "as text, not as an element")
	var text strings.Builder
	require.NoError(t, p.Text(&text))
	require.NotContains(t, text.String(), "\x1b")
	require.NotContains(t, text.String(), "\x00")
}

// word is one text element of an SVG.
type word struct {
	X     int    `xml:"x,attr"`
	Y     int    `xml:"y,attr"`
	Class string `xml:"class,attr"`
	Text  string `xml:",chardata"`
}

// right is where it ends in the widest font.
func (w word) right() int { return w.X + cells(w.Text)*w.size()*62/100 }

func (w word) size() int {
	if size, small := map[string]int{"title": 16, "faint": 12, "data": 12}[w.Class]; small {
		return size
	}
	return 14
}

func (w word) overlaps(o word) bool {
	return w.X < o.right() && o.X < w.right() && w.Y-w.size() < o.Y && o.Y-o.size() < w.Y
}

// requireApart: no two texts lie upon each other, and none leaves the picture.
func requireApart(t *testing.T, p *Picture) []word {
	t.Helper()
	var out strings.Builder
	require.NoError(t, p.SVG(&out))
	var d struct {
		Width, Height int    `xml:"-"`
		Box           string `xml:"viewBox,attr"`
		Text          []word `xml:"text"`
		G             []struct {
			Text []word `xml:"text"`
		} `xml:"g"`
	}
	require.NoError(t, xml.Unmarshal([]byte(out.String()), &d))
	_, err := fmt.Sscanf(d.Box, "0 0 %d %d", &d.Width, &d.Height)
	require.NoError(t, err)
	words := d.Text
	for _, g := range d.G {
		words = append(words, g.Text...)
	}
	for i, w := range words {
		require.Less(t, w.right(), d.Width, w.Text)
		require.Less(t, w.Y, d.Height, w.Text)
		for _, o := range words[:i] {
			require.False(t, w.overlaps(o), "%q lies upon %q", w.Text, o.Text)
		}
	}
	return words
}

// TestApart draws what is usual, and names as long as they can be.
func TestApart(t *testing.T) {
	for name, p := range pictures(t) {
		t.Run(name, func(t *testing.T) { requireApart(t, p) })
	}
	p := pictures(t)["user-namespace"]
	id := strings.Repeat("W", 64)
	p.Title = "container " + id + ", process 4194304, " + strings.Repeat("漢", 15)
	p.Cgroup = "/user.slice/user-4294967294.slice/user@4294967294.service/user.slice/libpod-" + strings.Repeat("0", 64) + ".scope/container"
	p.Links, p.Limits, p.Mounts, p.UserMaps = nil, nil, nil, nil
	for i := range 40 {
		p.Links = append(p.Links, fmt.Sprintf("eth%d 10.199.0.2/16 2001:db8:1234:5678:9abc:def0:1234:5678/64 - mc-0123456789ab on bridge mc0123456789abc, NAT", i))
		p.Limits = append(p.Limits, fmt.Sprintf("io.max 259:%d rbps=18446744073709551615 wbps=18446744073709551615 riops=max wiops=max", i))
		p.Mounts = append(p.Mounts, strings.Repeat("/a long way", i)+" fuse.something-of-users ro idmapped")
		p.UserMaps = append(p.UserMaps, MapText(uint32(i), 4294967000+uint32(i), 2))
	}
	words := requireApart(t, p)
	var all string
	for _, w := range words {
		all += w.Text
	}
	require.Contains(t, all, "and 30 more")
	require.Contains(t, all, id, "a title is not cut")
	require.Contains(t, all, strings.Repeat("0", 20))
	var text strings.Builder
	require.NoError(t, p.Text(&text))
	_, boxes, _ := strings.Cut(text.String(), "\n")
	for line := range strings.Lines(boxes) {
		require.LessOrEqual(t, cells(strings.TrimSuffix(line, "\n")), 120, line)
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"short", "abc", []string{"abc"}},
		{"none", "", []string{""}},
		{"at a slash", "/aaaa/bbbb/cccc", []string{"/aaaa/", "bbbb/", "cccc"}},
		{"at a blank, which goes", "aaaaaa bbbbbb", []string{"aaaaaa", "bbbbbb"}},
		{"nowhere", "abcdefghijklmnop", []string{"abcdefgh", "ijklmnop"}},
		{"cut", strings.Repeat("x", 30), []string{"xxxxxxxx", "xxxxxxxx", "xxxxxxx…"}},
		{"wide", "漢漢漢漢漢", []string{"漢漢漢漢", "漢"}},
		{"turned around", "a\u202eb", []string{`a\u202eb`}},
		{"not text", "\xff\x1b", []string{`\xff\x1b`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, wrap(tt.text, 8)) })
	}
}

// TestTheme: each color has a second one for dark pages, and none is written
// anywhere else.
func TestTheme(t *testing.T) {
	light, dark, found := strings.Cut(style, "prefers-color-scheme: dark")
	require.True(t, found)
	dark, rules, found := strings.Cut(dark, "}\n  }")
	require.True(t, found)
	color := regexp.MustCompile(`(--[a-z-]+): (#[0-9a-f]{6});`)
	second := map[string]string{}
	for _, c := range color.FindAllStringSubmatch(dark, -1) {
		second[c[1]] = c[2]
	}
	first := color.FindAllStringSubmatch(light, -1)
	require.Len(t, second, len(first))
	for _, c := range first {
		require.NotEmpty(t, second[c[1]])
		require.NotEqual(t, c[2], second[c[1]], c[1])
	}
	for _, shade := range []map[string]string{second, shades(first)} {
		for _, text := range []string{"--ink", "--faint"} {
			for _, below := range []string{"--paper", "--own", "--shared"} {
				require.Greater(t, contrast(t, shade[text], shade[below]), 4.5, "%s on %s: WCAG 2.1 AA", text, below)
			}
		}
	}
	require.NotContains(t, rules, "#")
	for _, used := range regexp.MustCompile(`var\((--[a-z-]+)\)`).FindAllStringSubmatch(rules, -1) {
		require.NotEmpty(t, second[used[1]])
	}
}

func shades(found [][]string) map[string]string {
	all := map[string]string{}
	for _, c := range found {
		all[c[1]] = c[2]
	}
	return all
}

// contrast is WCAG's ratio of two colors.
func contrast(t *testing.T, one, other string) float64 {
	t.Helper()
	light := func(color string) float64 {
		var parts [3]int
		_, err := fmt.Sscanf(color, "#%02x%02x%02x", &parts[0], &parts[1], &parts[2])
		require.NoError(t, err, color)
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			c := float64(parts[i]) / 255
			if c <= 0.04045 {
				sum += weight * c / 12.92
				continue
			}
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
		return sum
	}
	a, b := light(one), light(other)
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

func FuzzPicture(f *testing.F) {
	f.Add("container web", "/sys tmpfs ro", "/mini-container/web")
	f.Fuzz(func(t *testing.T, title, mount, cgroup string) {
		p := &Picture{Title: title, Mounts: []string{mount}, Cgroup: cgroup, Links: []string{mount}, Limits: []string{title}}
		parse(t, p)
		requireApart(t, p)
		var text strings.Builder
		require.NoError(t, p.Text(&text))
		require.NotContains(t, text.String(), "\x1b")
	})
}
