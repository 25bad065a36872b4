#!/usr/bin/env bash
# Every linter, pinned: Go (golangci-lint), workflows (actionlint), shell, BPF C.
set -euo pipefail
cd "$(dirname "$0")/.."

tool() { go tool -modfile=ci/tools/go.mod "$@"; }

tool golangci-lint run ./...
# The VM tests are behind a build tag.
tool golangci-lint run --build-tags vmtest ./...
tool actionlint .github/workflows/*.yml
shellcheck .ci/run ci/*.sh
clang-format-19 --dry-run --Werror connsnoop/bpf/*.bpf.c connsnoop/bpf/headers/*.h
go mod verify >/dev/null
go mod tidy -diff
# What is not _linux.go builds elsewhere too.
GOOS=darwin go vet ./schemas/... ./internal/...
