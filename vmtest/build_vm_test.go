//go:build vmtest && linux

package vmtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// submission is a source tree as students hand it in: a Go command that uses
// modules, a BPF program, and a Makefile for both.
var submission = map[string]string{
	"main.go": `package main

import (
	"fmt"
	"net"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func main() {
	spec, err := ebpf.LoadCollectionSpec(os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Println(spec.Programs["nothing"].Type, unix.Getpid() > 0, net.IPv4len)
}
`,
	"main_test.go": `package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNothing(t *testing.T) { require.True(t, true) }
`,
	"nothing.bpf.c": `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket") int nothing(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
`,
	"hello.c": `#include <bpf/libbpf.h>
#include <stdio.h>

int main(void) { return printf("libbpf %u\n", libbpf_major_version()) < 0; }
`,
	"Makefile": `all: nothing.bpf.o hello submission submission.test
nothing.bpf.o: nothing.bpf.c
	clang -O2 -g -target bpf -I/usr/include/x86_64-linux-gnu -c $< -o $@
	llvm-strip -g $@
hello: hello.c
	gcc -Wall -Werror $< -o $@ -lbpf
submission:
	go build -o $@ .
submission.test:
	go test -c -o $@ .
`,
}

// TestBuildSubmission without network: what is imported is in the image.
func TestBuildSubmission(t *testing.T) {
	dir := t.TempDir()
	for name, text := range submission {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join("/usr/local/lib/go/module", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	output(t, "make", "-C", dir)
	require.Equal(t, "SocketFilter true 4", output(t, filepath.Join(dir, "submission"), filepath.Join(dir, "nothing.bpf.o")))
	require.Contains(t, output(t, filepath.Join(dir, "submission.test"), "-test.v"), "--- PASS: TestNothing")
	require.Contains(t, output(t, filepath.Join(dir, "hello")), "libbpf 1")
}

// TestBuildStaysOffline: what go(1) would fetch by itself comes from the image.
func TestBuildStaysOffline(t *testing.T) {
	require.Equal(t, "file:///usr/local/lib/go/modules/cache/download\noff\nlocal",
		output(t, "go", "env", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"))
}

// TestBuildAsNobody: whoever builds writes to a build cache, here one for all.
func TestBuildAsNobody(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "nobody")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/m\n\ngo 1.26.0\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644))
	cmd := exec.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "go", "build", "-o", "m", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	output(t, filepath.Join(dir, "m"))
}
