package image

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMmdebstrapArgs(t *testing.T) {
	r := Recipe{Suite: "trixie", Packages: []string{"kmod", "procps"}}
	argv := r.mmdebstrap("/c/tree", "http://m.example/debian", []string{`Acquire::Retries "3"`})
	require.Subset(t, argv, []string{
		"--include=kmod,procps", `--aptopt=Acquire::Retries "3"`, "--dpkgopt=" + dpkgOptions[0],
	})
	require.Equal(t, []string{
		"trixie", "/c/tree", "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://m.example/debian trixie main",
	}, argv[len(argv)-3:])
}

func TestAcquireOptions(t *testing.T) {
	dump := `Acquire "";
Acquire::IndexTargets::deb::Packages::MetaKey "x";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
acquire::HTTPS::CAInfo "/etc/ssl/ca.pem";
Acquire::Check-Date "false";
Acquire::Languages "none";
`
	require.Equal(t, []string{
		`Acquire::http::Proxy "http://proxy.example:3128"`, `acquire::HTTPS::CAInfo "/etc/ssl/ca.pem"`, `Acquire::Check-Date "false"`,
	}, acquireOptions(dump))
	require.Empty(t, acquireOptions(""))
}

func TestExplain(t *testing.T) {
	cause := errors.New("run unshare: exit status 1")
	tests := []struct {
		name, log, want string
		euid            int
	}{
		{name: "disk full", log: "cp: write error: No space left on device", want: "no space left on the cache's file system: "},
		{name: "container", log: "unshare: unshare failed: Operation not permitted", want: "CAP_SYS_ADMIN"},
		{name: "no subordinate ids", log: "unshare: no line matching user", euid: 1000, want: "ids in /etc/subuid"},
		{name: "package missing", log: "E: Unable to locate package x", want: "the mirror does not have all packages: "},
		{name: "foreign key", log: "NO_PUBKEY 0E98404D386FA1D9", want: "the mirror is not signed by Debian's archive key: "},
		{name: "no network", log: "E: Failed to fetch http://x  Could not connect to x", want: "VMTEST_MIRRORS"},
		{name: "anything else", log: "a\nb", want: "run unshare: exit status 1\na\nb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := explain(tt.log, tt.euid, cause)
			require.ErrorIs(t, err, cause)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, tt.log)
		})
	}
}

func TestExplainKeepsTheTail(t *testing.T) {
	err := explain(strings.Repeat("early\n", 500)+"late\n", 0, io.EOF)
	require.ErrorContains(t, err, "late")
	require.Less(t, len(err.Error()), 200)
}

func TestWithoutUser(t *testing.T) {
	require.Equal(t, "http://m.example/debian", withoutUser("http://user:secret@m.example/debian"))
	require.Equal(t, "the mirror", withoutUser("http://user:secret@%zz/"))
}

func TestStageWriter(t *testing.T) {
	var log, progress strings.Builder
	w := &stageWriter{w: &log, progress: &progress, prefix: "image base: "}
	for _, part := range []string{"I: extra", "cting\nSetting up x\n", "I: done\n", "I: unfinished"} {
		n, err := io.WriteString(w, part)
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	require.Equal(t, "image base: extracting\nimage base: done\n", progress.String())
	require.Equal(t, "I: extracting\nSetting up x\nI: done\nI: unfinished", log.String())
}

func FuzzParsePackages(f *testing.F) {
	f.Add("bash\t5.2\nkmod\t34-1\n")
	f.Add("bash 5.2")
	f.Fuzz(func(t *testing.T, list string) {
		packages, err := parsePackages(list)
		if err != nil {
			return
		}
		require.NotEmpty(t, packages)
		for _, p := range packages {
			require.NotEmpty(t, p.Name)
			require.NotEmpty(t, p.Version)
		}
	})
}
