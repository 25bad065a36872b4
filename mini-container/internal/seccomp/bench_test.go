package seccomp

import "testing"

func BenchmarkCompileDefault(b *testing.B) {
	for b.Loop() {
		profile := Default(nil)
		if _, err := Compile(profile, "amd64"); err != nil {
			b.Fatal(err)
		}
	}
}
