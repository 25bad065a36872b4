#!/usr/bin/env bash
# Every linter, pinned: Go (golangci-lint), workflows (actionlint), shell, BPF C.
set -euo pipefail
cd "$(dirname "$0")/.."

# The VM tests are behind a build tag; so is nothing else.
go tool -modfile=ci/tools/go.mod golangci-lint run --build-tags vmtest ./...
go tool -modfile=ci/tools/actionlint/go.mod actionlint .github/workflows/*.yml
shellcheck .ci/run ci/*.sh vmtest/cmd/bench/*.sh
git ls-files 'connsnoop/bpf/*.c' 'connsnoop/bpf/*.h' | xargs clang-format-19 --dry-run --Werror
go mod verify >/dev/null
go mod tidy -diff
for module in ci/report-check ci/manifests; do
	(cd "$module" && go vet ./... && go mod verify >/dev/null && go mod tidy -diff)
done
# What is not _linux.go builds elsewhere too; the harness itself is for Linux.
GOOS=darwin go vet ./schemas/... ./internal/... ./bpf-tour/... ./connsnoop ./mini-container ./multi-tenant-cgroups \
	./namespaces-cgroups-ebpf/internal/... ./vmtest/internal/{aptsources,image,initramfs,kernels,kmod,plan,verdict,wire}
