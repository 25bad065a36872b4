package qemu

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestParseRegisters reads what QEMU 7.2 says of a guest with two CPUs.
func TestParseRegisters(t *testing.T) {
	tests := []struct {
		file string
		want []CPU
		text []string
	}{
		{"registers-idle.txt", []CPU{
			{PC: 0xffffffff9a4bc56f, Halted: true, Interrupts: true}, {PC: 0xffffffff9a4bc56f, Halted: true, Interrupts: true},
		}, []string{"waits for an interrupt", "waits for an interrupt"}},
		{"registers-spinning.txt", []CPU{
			{PC: 0x563d0b78bf45, User: true, Interrupts: true}, {PC: 0xffffffff9a4c2ffb},
		}, []string{"runs in a program at 0x563d0b78bf45", "runs in the kernel at 0xffffffff9a4c2ffb"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + tt.file)
			require.NoError(t, err)
			cpus, err := parseRegisters(string(data))
			require.NoError(t, err)
			require.Equal(t, tt.want, cpus)
			for i, cpu := range cpus {
				require.Equal(t, tt.text[i], cpu.String())
			}
		})
	}
}

func TestCPU(t *testing.T) {
	require.Equal(t, "is halted for good", CPU{Halted: true}.String())
	require.Equal(t, "runs in a program at 0x401000", CPU{PC: 0x401000, User: true}.String())
	require.Equal(t, "runs in the kernel at 0x401000", CPU{PC: 0x401000}.String())
}

func TestNoRegisters(t *testing.T) {
	for _, text := range []string{"", "CPU#0\nRAX=0", "RIP=ffffffffffffffffff RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1"} {
		_, err := parseRegisters(text)
		require.ErrorContains(t, err, "parse registers", text)
	}
}

func FuzzParseRegisters(f *testing.F) {
	f.Add("RIP=ffffffff8199e8e1 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1")
	f.Fuzz(func(t *testing.T, text string) {
		if cpus, err := parseRegisters(text); err == nil && len(cpus) == 0 {
			t.Fatal("neither CPUs nor an error")
		}
	})
}
