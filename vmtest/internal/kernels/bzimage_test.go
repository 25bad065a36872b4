package kernels

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// bzImage makes an image that says it is release. config, if any, is in its
// compressed payload as CONFIG_IKCONFIG puts it there.
func bzImage(t testing.TB, release, config string) []byte {
	t.Helper()
	payload := []byte("kernel")
	if config != "" {
		payload = append(payload, configBegin...)
		payload = append(payload, gzipped(t, config)...)
		payload = append(payload, configEnd...)
	}
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed)
	require.NoError(t, err)
	_, err = z.Write(payload)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	packed.Write([]byte{1, 2, 3, 4}) // its size, as the kernel's build appends it

	image := plainImage(release)
	binary.LittleEndian.PutUint32(image[payloadAt+4:], uint32(packed.Len()))
	return append(image, packed.Bytes()...)
}

// plainImage is a bzImage without a payload.
func plainImage(release string) []byte {
	const sects = 2
	image := make([]byte, (sects+1)*sectorBytes)
	image[setupSectsAt] = sects
	binary.LittleEndian.PutUint16(image[bootFlagAt:], 0xaa55)
	copy(image[magicAt:], "HdrS")
	binary.LittleEndian.PutUint16(image[protocolAt:], 0x020f)
	const text = 0x300
	binary.LittleEndian.PutUint16(image[kernelVersionAt:], text-sectorBytes)
	copy(image[text:], release+" (a@b) #1 SMP\x00")
	return image
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestImageRelease(t *testing.T) {
	good := bzImage(t, "6.12.43+deb13-cloud-amd64", "")
	change := func(at int, data ...byte) []byte {
		image := bytes.Clone(good)
		copy(image[at:], data)
		return image
	}
	tests := []struct {
		name, want, err string
		image           []byte
	}{
		{"good", "6.12.43+deb13-cloud-amd64", "", good},
		{"release candidate", "6.19.0-rc1", "", bzImage(t, "6.19.0-rc1", "")},
		{"empty", "", "not a kernel for x86-64", nil},
		{"short", "", "not a kernel for x86-64", good[:100]},
		{"script", "", "not a kernel for x86-64", bytes.Repeat([]byte("#!/bin/sh\n"), 100)},
		{"no boot flag", "", "not a kernel for x86-64", change(bootFlagAt, 0)},
		{"no magic", "", "not a kernel for x86-64", change(magicAt, 'h')},
		{"old protocol", "", "not a kernel for x86-64", change(protocolAt, 7, 2)},
		{"no version", "", "does not say its release", change(kernelVersionAt, 0, 0)},
		{"version outside", "", "does not say its release", change(kernelVersionAt, 0xff, 0xff)},
		{"odd release", "", `says it is release "../x"`, bzImage(t, "../x", "")},
		{"ELF that is none", "", "not a kernel for x86-64", append([]byte("\x7fELF"), make([]byte, 1024)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := imageRelease(bytes.NewReader(tt.image))
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestProgramIsNoKernel(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	f, err := os.Open(self)
	require.NoError(t, err)
	defer f.Close()
	_, err = imageRelease(f)
	require.ErrorIs(t, err, ErrNoKernel)
}

func TestNotesHave(t *testing.T) {
	note := func(name string, kind byte, content ...byte) []byte {
		b := []byte{byte(len(name)), 0, 0, 0, byte(len(content)), 0, 0, 0, kind, 0, 0, 0}
		for _, part := range [][]byte{[]byte(name), content} {
			b = append(b, part...)
			b = append(b, make([]byte, int(pad4(int64(len(part))))-len(part))...)
		}
		return b
	}
	notes := append(note("Linux\x00", 1, 1, 2, 3), note("Xen\x00", physEntryNote, 0, 0, 0, 1)...)
	require.True(t, notesHave(notes, "Xen\x00", physEntryNote))
	require.False(t, notesHave(notes, "Xen\x00", 17))
	require.False(t, notesHave(notes[:30], "Xen\x00", physEntryNote), "cut off")
	require.False(t, notesHave([]byte{255, 255, 255, 255, 0, 0, 0, 0, 18, 0, 0, 0}, "Xen\x00", physEntryNote))
}

func TestImageConfig(t *testing.T) {
	const config = "CONFIG_EXT4_FS=y\n"
	require.Equal(t, config, string(imageConfig(bytes.NewReader(bzImage(t, "6.12.0", config)))))
	require.Nil(t, imageConfig(bytes.NewReader(bzImage(t, "6.12.0", ""))))
	vmlinux := append([]byte("\x7fELF"), make([]byte, 1000)...)
	vmlinux = append(vmlinux, configBegin...)
	vmlinux = append(vmlinux, gzipped(t, config)...)
	vmlinux = append(vmlinux, configEnd...)
	require.Equal(t, config, string(imageConfig(bytes.NewReader(vmlinux))))
}

func FuzzImage(f *testing.F) {
	f.Add(bzImage(f, "6.12.0", "CONFIG_A=y"))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		release, err := imageRelease(bytes.NewReader(data))
		if err == nil {
			require.Equal(t, release, filepath.Base(release))
		}
		_ = imageConfig(bytes.NewReader(data))
	})
}
