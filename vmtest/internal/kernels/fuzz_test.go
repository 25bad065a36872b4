package kernels

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParseList(f *testing.F) {
	ours, err := os.ReadFile("../../kernels.json")
	require.NoError(f, err)
	f.Add(ours)
	f.Add([]byte(`{"schema":"kernel-list/v1","kernels":[{"series":"6.12"},{"series":"6.12"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseList(data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, k := range list.Kernels {
			require.Regexp(t, seriesForm, k.Series)
			require.False(t, seen[k.Series])
			require.NotEmpty(t, k.Suites)
			seen[k.Series] = true
		}
	})
}

// FuzzPackageFields: what dpkg-deb says of a package that somebody has named.
func FuzzPackageFields(f *testing.F) {
	f.Add("Package: linux-image\nVersion: 1\nArchitecture: amd64\n")
	f.Add("Package: a\n b\nVersion:\n\nPackage: c")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseFields(text, "a.deb")
		if err == nil {
			require.NotEmpty(t, p.Name)
			require.NotEmpty(t, p.Version)
		}
	})
}

// FuzzOCIIndex: an index that names what is not there is an error and no more.
func FuzzOCIIndex(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:00","size":2}]}`))
	f.Add([]byte(`{"manifests":[{"digest":"sha256:../../x","size":-1,"platform":{"architecture":"amd64","os":"linux"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "index.json"), data, 0o644))
		root, err := os.OpenRoot(dir)
		require.NoError(t, err)
		defer root.Close()
		for _, tag := range []string{"", "6.12"} {
			_, _, err := layout{root}.find(tag)
			require.Error(t, err, "there are no blobs")
		}
	})
}
