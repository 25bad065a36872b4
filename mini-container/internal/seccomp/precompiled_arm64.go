package seccomp

import _ "embed"

//go:embed default_arm64.filter
var defaultFilter string
