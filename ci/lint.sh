#!/usr/bin/env bash
# Every linter, pinned: Go (golangci-lint), workflows (actionlint), shell, BPF C.
set -euo pipefail
cd "$(dirname "$0")/.."

# The VM tests are behind a build tag; so is nothing else.
go tool -modfile=ci/tools/go.mod golangci-lint run --build-tags vmtest ./...
go tool -modfile=ci/tools/actionlint/go.mod actionlint .github/workflows/*.yml
shellcheck .ci/run ci/*.sh
clang-format-19 --dry-run --Werror connsnoop/bpf/*.bpf.c connsnoop/bpf/headers/*.h
go mod verify >/dev/null
go mod tidy -diff
# What is not _linux.go builds elsewhere too.
GOOS=darwin go vet ./schemas/... ./internal/...
