package diagram

import (
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

func FuzzPicture(f *testing.F) {
	f.Add("container web", "/sys tmpfs ro", "/mini-container/web")
	f.Fuzz(func(t *testing.T, title, mount, cgroup string) {
		p := &Picture{Title: title, Mounts: []string{mount}, Cgroup: cgroup, Links: []string{mount}, Limits: []string{title}}
		parse(t, p)
		var text strings.Builder
		require.NoError(t, p.Text(&text))
		require.NotContains(t, text.String(), "\x1b")
	})
}
