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

// BenchmarkDefaultFilter is what nearly every container costs.
func BenchmarkDefaultFilter(b *testing.B) {
	for b.Loop() {
		if _, err := NewFilter(Default(usual)); err != nil {
			b.Fatal(err)
		}
	}
}
