package aptsources

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseList(t *testing.T) {
	tests := []struct {
		name, in string
		want     []Source
		err      string
	}{
		{name: "empty"},
		{name: "comment and source lines", in: "# deb http://a b c\ndeb-src http://m.example/debian trixie main\n"},
		{name: "plain", in: "deb http://m.example/debian/ trixie main contrib # why\n", want: []Source{
			{URIs: []string{"http://m.example/debian"}, Suites: []string{"trixie"}, Components: []string{"main", "contrib"}},
		}},
		{name: "options", in: "deb\t[ arch=amd64 signed-by=/k.gpg ] http://m.example/d trixie main", want: []Source{
			{URIs: []string{"http://m.example/d"}, Suites: []string{"trixie"}, Components: []string{"main"}, SignedBy: "/k.gpg"},
		}},
		{name: "flat repository", in: "deb file:/srv ./", want: []Source{
			{URIs: []string{"file:/srv"}, Suites: []string{"./"}, Components: []string{}},
		}},
		{name: "no suite", in: "\n\ndeb http://m.example/debian", err: `line 3: parse deb entry: want a URI and a suite`},
		{name: "options not closed", in: "deb [a=b http://m.example/debian trixie", err: "line 1: parse deb entry: options not closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseList(tt.in)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseDeb822(t *testing.T) {
	one := Source{
		URIs: []string{"http://m.example/debian"}, Suites: []string{"trixie", "trixie-updates"},
		Components: []string{"main"}, SignedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
	}
	body := "Types: deb deb-src\nURIs: http://m.example/debian/\nSuites: trixie\n# why\n trixie-updates\n" +
		"Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
	tests := []struct {
		name, in string
		want     []Source
		err      string
	}{
		{name: "empty"},
		{name: "continuation, comment inside a field", in: body, want: []Source{one}},
		{name: "field names in any case, CRLF", in: "TYPES: deb\r\nuris: http://m.example/d\r\nSuites: sid\r\nComponents: main\r\n",
			want: []Source{{URIs: []string{"http://m.example/d"}, Suites: []string{"sid"}, Components: []string{"main"}}}},
		{name: "two paragraphs", in: body + "\n \n\n" + body, want: []Source{one, one}},
		{name: "disabled", in: body + "Enabled: no\n"},
		{name: "source packages only", in: "Types: deb-src\nURIs: http://m.example/d\nSuites: sid\n"},
		{name: "no URIs", in: "Types: deb\nSuites: sid\n"},
		{name: "no colon", in: "Types deb\n", err: `line 1: parse field "Types deb": no colon`},
		{name: "continuation first", in: "\n x\n", err: "line 2: parse continuation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseDeb822(tt.in)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// apt writes files below a temporary root's etc/apt.
func apt(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		path := filepath.Join(root, "etc/apt", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
	}
	return root
}

func TestFind(t *testing.T) {
	const keyring = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
	tests := []struct {
		name, override string
		files          map[string]string
		want           Mirrors
		err            string
	}{
		{
			name: "old and new style, order and duplicates",
			files: map[string]string{
				"sources.list": "deb cdrom:[Debian]/ bookworm main\ndeb http://a.example/debian bookworm main\n",
				"sources.list.d/b.sources": "Types: deb\nURIs: http://a.example/debian http://b.example/debian\n" +
					"Suites: bookworm-updates\nComponents: main\n",
				"sources.list.d/c.list": "deb http://s.example/debian-security bookworm-security main\n",
			},
			want: Mirrors{
				Debian:   []string{"http://a.example/debian", "http://b.example/debian"},
				Security: []string{"http://s.example/debian-security"},
			},
		},
		{
			name: "vendors are not mirrors",
			files: map[string]string{"sources.list": "deb [signed-by=/usr/share/keyrings/vendor.gpg] http://v.example/deb bookworm main\n" +
				"deb http://v.example/deb bookworm stable\ndeb http://v.example/deb bookworm-pgdg main\n" +
				"deb http://u.example/ubuntu noble main\ndeb " + keyring + "http://a.example/debian bookworm main\n"},
			want: Mirrors{Debian: []string{"http://a.example/debian"}},
		},
		{
			name: "disabled files",
			files: map[string]string{
				"sources.list.d/a.list.save": "deb http://x.example/debian trixie main\n",
				"sources.list.d/b.list":      "deb http://a.example/debian trixie main\n",
			},
			want: Mirrors{Debian: []string{"http://a.example/debian"}},
		},
		{
			name: "mirror list of the cloud images",
			files: map[string]string{
				"sources.list":        "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n",
				"mirrors/debian.list": "# best first\nhttps://a.example/debian/\tpriority:1\nhttps://b.example/debian\n",
			},
			want: Mirrors{Debian: []string{"https://a.example/debian", "https://b.example/debian"}},
		},
		{
			name: "mirror list missing", files: map[string]string{"sources.list": "deb mirror+file:/etc/none sid main\n"},
			err: "read mirror list",
		},
		{
			name: "override", override: " http://o.example/debian/, http://o.example/debian-security\nhttp://p.example/debian",
			files: map[string]string{"sources.list": "deb http://a.example/debian sid main\n"},
			want: Mirrors{
				Debian:   []string{"http://o.example/debian", "http://p.example/debian"},
				Security: []string{"http://o.example/debian-security"},
			},
		},
		{name: "override without scheme", override: "o.example/debian", err: `parse mirror "o.example/debian"`},
		{name: "override without releases", override: "http://o.example/debian-security", err: "none but of the security archive"},
		{name: "no apt at all", err: "--mirror URI or VMTEST_MIRRORS"},
		{name: "bad file is named", files: map[string]string{"sources.list": "deb x\n"}, err: "etc/apt/sources.list: line 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Find(apt(t, tt.files), tt.override)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("deb [signed-by=/k] http://m.example/debian trixie main # c\n")
	f.Add("Types: deb\nURIs: http://m.example/debian\nSuites: trixie\n trixie-updates\nComponents: main\nEnabled: no\n\n")
	f.Fuzz(func(t *testing.T, data string) {
		for _, parse := range []func(string) ([]Source, error){ParseList, ParseDeb822} {
			sources, err := parse(data)
			if err != nil {
				require.Empty(t, sources)
			}
			for _, s := range sources {
				require.NotEmpty(t, s.URIs)
				require.NotEmpty(t, s.Suites)
			}
		}
	})
}
