package kernels

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var aSum = strings.Repeat("0a", 32)

func TestParseSpec(t *testing.T) {
	tests := []struct {
		in   string
		want Spec
		name string
	}{
		{"6.12", Spec{Kind: KindSeries, Value: "6.12"}, "6.12"},
		{"7", Spec{Kind: KindSeries, Value: "7"}, "7"},
		{"6.12.107-1", Spec{Kind: KindVersion, Value: "6.12.107-1"}, "6.12.107-1"},
		{"7.2.12-1~bpo13+1", Spec{Kind: KindVersion, Value: "7.2.12-1~bpo13+1"}, "7.2.12-1-bpo13+1"},
		{"6.12.107", Spec{Kind: KindVersion, Value: "6.12.107"}, "6.12.107"},
		{"host", Spec{Kind: KindHost}, "host"},
		{"mine", Spec{Kind: KindName, Value: "mine"}, "mine"},
		{"./bzImage", Spec{Kind: KindFile, Items: []Item{{Path: "./bzImage"}}}, "bzImage"},
		{"/boot/vmlinuz-6.1,modules=/x", Spec{Kind: KindFile, Items: []Item{{Path: "/boot/vmlinuz-6.1"}}, Modules: "/x"}, "vmlinuz-6.1"},
		{"a/6.12", Spec{Kind: KindFile, Items: []Item{{Path: "a/6.12"}}}, "file-6.12"},
		{"deb:a_1_amd64.deb,b.deb", Spec{Kind: KindDeb, Items: []Item{{Path: "a_1_amd64.deb"}, {Path: "b.deb"}}}, "a"},
		{"./linux-image-6.12.1_1_amd64.deb", Spec{Kind: KindDeb, Items: []Item{{Path: "./linux-image-6.12.1_1_amd64.deb"}}}, "image-6.12.1"},
		{"https://h/k/vmlinuz#sha256=" + aSum, Spec{Kind: KindURL, Items: []Item{{URL: "https://h/k/vmlinuz", SHA256: aSum}}}, "vmlinuz"},
		{"http://h/a.deb#sha256=" + aSum, Spec{Kind: KindDeb, Items: []Item{{URL: "http://h/a.deb", SHA256: aSum}}}, "a"},
		{"http://h/k#sha256=" + aSum + ",modules=m", Spec{Kind: KindURL, Items: []Item{{URL: "http://h/k", SHA256: aSum}}, Modules: "m"}, "k"},
		{"oci:dir", Spec{Kind: KindOCI, Dir: "dir"}, "oci-dir"},
		{"oci:/a:b/dir:6.12", Spec{Kind: KindOCI, Dir: "/a:b/dir", Tag: "6.12"}, "oci-6.12"},
		{"oci:/a:b/dir", Spec{Kind: KindOCI, Dir: "/a:b/dir"}, "oci-dir"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseSpec(tt.in)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.name, got.Name())
			again, err := ParseSpec(got.String())
			require.NoError(t, err)
			require.Equal(t, got, again, "a spec reads back")
		})
	}
}

func TestParseSpecRefuses(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "no series like 6.12"},
		{"6.", "no series like 6.12"},
		{"6.12 ", "no series like 6.12"},
		{"ftp:x", "no series like 6.12"},
		{"a\nb", "control character"},
		{"oci:", "names no directory"},
		{"oci:dir:", "without a tag"},
		{"deb:", "empty file name"},
		{"deb:a.rpm", "which is no .deb"},
		{"./a.deb,modules=x", "which is no .deb"},
		{"./bzImage,modules=", "only one modules=DIR"},
		{"./bzImage,modules=a,modules=b", "only one modules=DIR"},
		{"./bzImage,initrd=a", "only one modules=DIR"},
		{"https://h/k", "without a checksum"},
		{"https://h/k#sha256=12", "without a checksum"},
		{"https:///k#sha256=" + aSum, "broken URL"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			_, err := ParseSpec(tt.in)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "want one of: 6.12 (series)")
		})
	}
}

func TestJoinSpecs(t *testing.T) {
	url := "https://h/b.deb#sha256=" + aSum
	require.Equal(t, []string{"6.12", "./a,modules=m", "deb:a.deb,b.deb," + url, "deb:d.deb", "host"},
		JoinSpecs([]string{"6.12", "./a", "modules=m", "deb:a.deb", "b.deb", url, "deb:d.deb", "host"}))
	require.Empty(t, JoinSpecs(nil))
}

func FuzzParseSpec(f *testing.F) {
	for _, seed := range []string{"6.12", "6.12.107-1", "host", "./b,modules=m", "deb:a.deb,b.deb", "oci:d:t", "mine", "https://h/k#sha256=" + aSum} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := ParseSpec(text)
		if err != nil {
			return
		}
		name := spec.Name()
		require.NotContains(t, name, "/")
		require.NotEmpty(t, name)
		require.Regexp(t, `^[A-Za-z0-9][A-Za-z0-9._+-]{0,59}$`, name, "as reports have it")
		again, err := ParseSpec(spec.String())
		require.NoError(t, err)
		require.Equal(t, spec, again)
	})
}
