package kernels

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// serve answers with handlers by path.
func serve(t *testing.T, image []byte) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/vmlinuz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(image) })
	mux.Handle("/moved", http.RedirectHandler("/vmlinuz", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(image)))
		_, _ = w.Write(image[:len(image)/2])
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		for range 64 {
			_, _ = w.Write(make([]byte, 64<<10))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/longer", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "3000000") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestFetchURL(t *testing.T) {
	image := bzImage(t, "6.12.1", "")
	sum := sumOf(image)
	server := serve(t, image)
	tests := []struct {
		name, path, sum, want string
		unavailable           bool
	}{
		{"good", "/vmlinuz", sum, "", false},
		{"redirect", "/moved", sum, "", false},
		{"wrong checksum", "/vmlinuz", aSum, "sha256 is " + sum + ", want " + aSum + ": nothing of it is used", false},
		{"cut off", "/cut", sum, "unexpected EOF", false},
		{"not there", "/nosuch", sum, "server says 404 Not Found", true},
		{"redirect loop", "/loop", sum, "stopped after 10 redirects", true},
		{"more than the limit", "/long", sum, "more than 2000000 bytes", false},
		{"says it is more", "/longer", sum, "3000000 bytes are more than 2000000", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			s := b.source(t)
			s.importer.limit = 2e6
			k, err := s.Fetch(t.Context(), server.URL+tt.path+"#sha256="+tt.sum)
			b.clean(t)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				require.Equal(t, tt.unavailable, isUnavailable(err))
				kept, _ := filepath.Glob(filepath.Join(b.config.CacheDir, "kernels", "*", "*"))
				require.Empty(t, kept)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "6.12.1", k.Release)
			require.Equal(t, Package{Name: filepath.Base(tt.path), File: filepath.Base(tt.path), SHA256: sum, Source: FromURL}, k.Packages[0])
		})
	}
}

func TestFetchURLOnce(t *testing.T) {
	image := bzImage(t, "6.12.1", "")
	server := serve(t, image)
	b := newBench(t)
	var lines []string
	b.config.Log = func(line string) { lines = append(lines, line) }
	modules := someKernel(t, "6.12.1")
	spec := server.URL + "/vmlinuz#sha256=" + sumOf(image) + ",modules=" + modules
	k, err := b.source(t).Fetch(t.Context(), spec)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(k.ModulesDir, "kernel/a.ko.zst"))
	require.NotEmpty(t, lines)
	server.Close()
	again, err := b.source(t).Fetch(t.Context(), spec)
	require.NoError(t, err, "what was fetched once needs no network")
	require.Equal(t, bare(k), bare(again))
	_, err = b.source(t).Fetch(t.Context(), strings.Replace(spec, sumOf(image), aSum, 1))
	require.ErrorIs(t, err, ErrUnavailable, "nobody answers")
}

func TestFetchURLHidesPassword(t *testing.T) {
	server := serve(t, nil)
	b := newBench(t)
	address := strings.Replace(server.URL, "://", "://me:hunter2@", 1) + "/nosuch#sha256=" + aSum
	_, err := b.source(t).Fetch(t.Context(), address)
	require.ErrorContains(t, err, "404")
	require.NotContains(t, err.Error(), "hunter2")
	server.Close()
	_, err = b.source(t).Fetch(t.Context(), address)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestFetchURLInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("some"))
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	b := newBench(t)
	_, err := b.source(t).Fetch(ctx, server.URL+"/k#sha256="+aSum)
	require.ErrorIs(t, err, context.Canceled)
	b.clean(t)
}

func TestFetchDebFromURL(t *testing.T) {
	data := []byte(debData(image510, "1"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
	defer server.Close()
	b := newBench(t)
	k, err := b.source(t).Fetch(t.Context(), server.URL+"/"+debFile(image510, "1")+"#sha256="+sumOf(data))
	require.NoError(t, err)
	require.Equal(t, []Package{{Name: image510, Version: "1", File: debFile(image510, "1"), SHA256: sumOf(data), Source: FromURL}}, k.Packages)
	_, err = os.Stat(k.Image)
	require.NoError(t, err)
}
