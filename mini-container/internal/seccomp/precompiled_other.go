//go:build !amd64 && !arm64

package seccomp

// defaultFilter is empty where there are no filters.
const defaultFilter = ""
