package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goPlay plays the programs that put Go into a tree, on top of machine.
type goPlay struct {
	machine
	commands []string // last words of what was run
	fail     string   // the step that fails
}

func (p *goPlay) run(ctx context.Context, c command) error {
	line := strings.Join(c.argv, " ")
	for step, mark := range map[string]string{"copy": " copy ", "download": " mod download", "list": " list ", "warm": " warm.sh "} {
		if !strings.Contains(line, mark) {
			continue
		}
		p.commands = append(p.commands, step)
		if step == p.fail {
			_, _ = c.output.Write([]byte("why " + step + " fails\n"))
			return errors.New("exit status 1")
		}
		switch step {
		case "copy":
			root := c.argv[len(c.argv)-1]
			if err := os.MkdirAll(root, 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(root, "go.env"), []byte("GOPROXY=direct\n"), 0o644)
		case "download":
			p.argvs[step] = c.env
		case "list":
			_, err := c.output.Write([]byte("example.org/dep\nexample.org/dep/sub\n"))
			return err
		case "warm":
			p.argvs[step] = c.argv
			env, err := os.ReadFile(filepath.Join(c.argv[slices.Index(c.argv, "warm.sh")+1], guestGoRoot, "go.env"))
			p.argvs["go.env"] = []string{string(env)}
			return err
		}
		return nil
	}
	return p.machine.run(ctx, c)
}

// goBuilder builds an image with Go.
func goBuilder(t *testing.T, p *goPlay) *builder {
	b, _ := newBuilder(t, &p.machine)
	g, err := FindGo(t.Context(), goModule(t, "module example.org/m\n\ngo 1.21\n", "dep v1.0.0 h1:x\n"))
	require.NoError(t, err)
	b.recipe.Go, b.run = g, p.run
	b.entry = filepath.Join(filepath.Dir(b.entry), b.recipe.Hash())
	return b
}

func TestBuildWithGo(t *testing.T) {
	p := &goPlay{}
	b := goBuilder(t, p)
	_, err := b.build(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"copy", "download", "list", "warm"}, p.commands)
	require.Equal(t, []string{"example.org/dep", "example.org/dep/sub"}, p.argvs["warm"][len(p.argvs["warm"])-2:])
	require.NotContains(t, p.argvs["go.env"][0], "GOPROXY=direct", "the toolchain's own would win")
	require.Contains(t, p.argvs["go.env"][0], "\nGOPROXY=file:///usr/local/lib/go/modules/cache/download\n")
	require.Contains(t, strings.Join(p.argvs["download"], "\n"), "GOPROXY=file://"+b.recipe.Go.modCache+"/cache/download,")
}

func TestBuildWithGoFailures(t *testing.T) {
	tests := []struct{ fail, want string }{
		{"copy", "copy toolchain"},
		{"download", "get modules: exit status 1: why download fails"},
		{"list", "list imported packages: exit status 1: why list fails"},
		{"warm", "warm build cache"},
	}
	for _, tt := range tests {
		t.Run(tt.fail, func(t *testing.T) {
			b := goBuilder(t, &goPlay{fail: tt.fail})
			_, err := b.build(t.Context())
			require.ErrorContains(t, err, tt.want)
			require.Empty(t, entries(t, b), "nothing is left")
		})
	}
}
