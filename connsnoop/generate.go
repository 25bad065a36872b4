package connsnoop

//go:generate go tool bpf2go -tags linux -target amd64,arm64 -cc clang-19 -strip llvm-strip-19 -no-global-types probes bpf/connsnoop.bpf.c -- -O2 -Wall -Wextra -Werror -Ibpf
//go:generate go tool bpf2go -tags linux -target amd64,arm64 -cc clang-19 -strip llvm-strip-19 -no-global-types types bpf/types.bpf.c -- -O2 -Wall -Wextra -Werror -Ibpf
//go:generate go tool bpf2go -tags linux,vmtest -target amd64,arm64 -cc clang-19 -strip llvm-strip-19 -no-global-types refused bpf/refused.bpf.c -- -O2 -Wall -Wextra -Werror -Ibpf
