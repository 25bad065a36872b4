#!/usr/bin/env bash
# Regenerates the BPF objects in place; fails if the committed ones differ.
set -euo pipefail
cd "$(dirname "$0")/.."

# Objects are the same byte for byte only from the same clang.
want=19
have=$(clang-$want -dumpversion 2>/dev/null || true)
if [[ ${have%%.*} != "$want" ]]; then
	echo "generate-check: clang-$want is missing; ci/install-deps.sh installs it" >&2
	exit 2
fi

go generate ./connsnoop/...
if ! git diff --exit-code --stat -- 'connsnoop/*_bpfel.go' 'connsnoop/*_bpfel.o'; then
	echo "generate-check: generated files differ from the committed ones: run make generate, commit" >&2
	exit 1
fi
