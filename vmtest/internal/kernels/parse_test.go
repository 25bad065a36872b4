package kernels

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"namespaces-cgroups-ebpf/schemas"
	"namespaces-cgroups-ebpf/vmtest/internal/aptsources"
)

func TestOurList(t *testing.T) {
	data, err := os.ReadFile("../../kernels.json")
	require.NoError(t, err)
	require.Empty(t, schemas.Validate(ListSchema, data))
	list, err := ParseList(data)
	require.NoError(t, err)
	for _, k := range list.Kernels {
		must := slices.Contains([]string{"5.10", "6.1", "6.12", "7"}, k.Series)
		require.Equal(t, !must, k.Optional, k.Series)
		require.Equal(t, must || k.Series == "6.18", k.Default, k.Series)
	}
	require.True(t, slices.IsSortedFunc(list.Kernels, func(a, b Series) int { return CompareSeries(a.Series, b.Series) }),
		"oldest first; 7 is the newest 7.x")
	s, err := list.Find("7.2")
	require.NoError(t, err)
	require.Equal(t, []string{"trixie-backports"}, s.Suites)
	require.False(t, s.Default)
}

func TestParseListRefuses(t *testing.T) {
	one := `{"series":"6.1","suites":["bookworm"],"optional":false,"default":true}`
	tests := []struct{ name, in, err string }{
		{"not JSON", `{`, "parse kernel list"},
		{"other schema", `{"schema":"kernel-list/v2","kernels":[` + one + `]}`, `schema "kernel-list/v2"`},
		{"unknown key", `{"schema":"kernel-list/v1","kernel":[]}`, "unknown field"},
		{"empty", `{"schema":"kernel-list/v1","kernels":[]}`, "no kernels"},
		{"twice", `{"schema":"kernel-list/v1","kernels":[` + one + "," + one + `]}`, "6.1 is there twice"},
		{"no suites", `{"schema":"kernel-list/v1","kernels":[{"series":"6.1"}]}`, "no suites"},
		{"no series", `{"schema":"kernel-list/v1","kernels":[{"series":"6.1.x"}]}`, "bad series"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseList([]byte(tt.in))
			require.ErrorContains(t, err, tt.err)
		})
	}
	_, err := List{}.Find("../6.1")
	require.ErrorContains(t, err, "no series like 6.12")
}

func TestInSeries(t *testing.T) {
	for version, want := range map[string]bool{"6.1.192-2": true, "6.1": true, "6.12.1-1": false, "5.6.1": false, "6.1-rc1": true} {
		require.Equal(t, want, inSeries("6.1", version), version)
	}
	require.True(t, inSeries("7", "7.2.12-1~bpo13+1"))
	require.False(t, inSeries("7", "70.1"))
}

func TestCompareVersions(t *testing.T) {
	// Each is older than the next; checked with dpkg --compare-versions.
	order := []string{
		"5.10.9-1", "5.10.10-1", "6.12.9-1~bpo13+1", "6.12.9-1", "6.12.9-1+b1", "6.12.9-2",
		"6.12.10~rc1-1", "6.12.10-1~deb12u1", "6.12.10-1", "6.12.10a-1", "6.12.10+x-1", "7.0.1-1", "1:0.1-1",
	}
	for i, a := range order {
		for j, b := range order {
			got := CompareVersions(a, b)
			require.Equal(t, i < j, got < 0, "%s and %s: %d", a, b, got)
			require.Equal(t, i > j, got > 0, "%s and %s: %d", a, b, got)
		}
	}
	require.Zero(t, CompareVersions("0:1.00-0", "1.0-0"))
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1:6.12~rc1-1", "6.1.0-2")
	f.Fuzz(func(t *testing.T, a, b string) {
		require.Zero(t, CompareVersions(a, a))
		require.Equal(t, CompareVersions(a, b) < 0, CompareVersions(b, a) > 0)
	})
}

func TestSplitName(t *testing.T) {
	tests := []struct{ name, in, role, release string }{
		{"old image", "linux-image-5.10.0-46-cloud-amd64", "image", "5.10.0-46-cloud-amd64"},
		{"backport", "linux-image-6.1.0-0.deb11.52-cloud-amd64", "image", "6.1.0-0.deb11.52-cloud-amd64"},
		{"rebuilt", "linux-image-6.12.90+deb13.1-cloud-amd64", "image", "6.12.90+deb13.1-cloud-amd64"},
		{"binary", "linux-binary-7.2.12+deb13-cloud-amd64", "binary", "7.2.12+deb13-cloud-amd64"},
		{"unsigned image", "linux-image-6.1.0-53-cloud-amd64-unsigned", "", ""},
		{"unsigned binary", "linux-binary-unsigned-7.2.9+deb13-cloud-amd64", "", ""},
		{"debug", "linux-image-6.1.0-53-cloud-amd64-dbg", "", ""},
		{"metapackages", "linux-image-6.12-cloud-amd64", "", ""},
		{"metapackage of the suite", "linux-image-cloud-amd64", "", ""},
		{"not a cloud kernel", "linux-image-6.1.0-53-amd64", "", ""},
		{"path", "linux-image-6.1.0/../../x-cloud-amd64", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			role, release, _ := splitName(tt.in)
			require.Equal(t, []string{tt.role, tt.release}, []string{role, release})
		})
	}
}

func TestPairMirrors(t *testing.T) {
	require.Equal(t, []Mirror{
		{"http://a/debian", "http://s/debian-security"},
		{"http://b/debian", "http://b/debian-security"},
		{"http://c/snapshot", ""},
	}, PairMirrors(aptsources.Mirrors{
		Debian:   []string{"http://a/debian", "http://b/debian", "http://c/snapshot"},
		Security: []string{"http://s/debian-security"},
	}))
	require.Equal(t, "http://s/debian-security", Mirror{"", "http://s/debian-security"}.uri("bookworm-security"))
	require.Empty(t, Mirror{"", "http://s/debian-security"}.uri("bookworm"))
}

func TestAptSource(t *testing.T) {
	a := apt{uri: "http://m/debian", suite: "bullseye", expired: true, keyring: "/k.gpg"}
	require.Equal(t, "deb [arch=amd64 targets=Packages pdiffs=no signed-by=/k.gpg check-valid-until=no] http://m/debian bullseye main\n", a.source())
	a.expired = false
	require.NotContains(t, a.source(), "check-valid-until")
	a.dir = `/a"b`
	require.ErrorContains(t, a.prepare(), "quote or a blank")
}

func FuzzParseCandidates(f *testing.F) {
	f.Add(stanza(image510, "5.10.262-1") + stanza("linux-base-7.2.9+deb13-cloud-amd64", "7.2.9-1"))
	f.Add("Package: x\n y\n\n\nVersion")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range parseCandidates(text) {
			require.Len(t, c.SHA256, 64)
			require.NotContains(t, c.File, "/")
		}
	})
}

func FuzzParseSums(f *testing.F) {
	f.Add(strings.Repeat("a", 64) + "  x.deb\n")
	f.Fuzz(func(t *testing.T, text string) {
		sums, _ := parseSums(text)
		for file, sum := range sums {
			require.Len(t, sum, 64)
			require.NotContains(t, file, "/")
		}
	})
}
