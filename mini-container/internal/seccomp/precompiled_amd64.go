package seccomp

import _ "embed"

//go:embed default_amd64.filter
var defaultFilter string
