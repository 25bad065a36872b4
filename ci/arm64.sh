#!/usr/bin/env bash
# Runs VM tests of connsnoop on an emulated arm64 machine, on the arm64 objects
# and Debian 13's kernel: its scenarios before fentry and kprobe, each record
# against the tests' own sockets. Usage: ci/arm64.sh [TEST...]
set -euo pipefail
cd "$(dirname "$0")/.."
ci/install-deps.sh arm64
tests=$(IFS='|'; echo "${*:-TestExact|TestScenarios|TestFieldsAreCompared}")
kernel=$(ci/arm64-kernel.sh)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export GOARCH=arm64 CGO_ENABLED=0
mkdir "$root/guest"
go build -trimpath -o "$root/guest/init" ./ci/arm64
go build -trimpath -o "$root/guest/connsnoop" ./connsnoop/cmd/connsnoop
go test -c -trimpath -tags vmtest -o "$root/guest/connsnoop.test" ./connsnoop
(cd "$root/guest" && find . | cpio --quiet -o -H newc -R 0:0) >"$root/initrd"
echo "arm64: $(basename "$kernel"), $tests"
# single: with threads of its own for each CPU, TCG breaks patching of kernel text
timeout 1800 qemu-system-aarch64 -M virt -cpu cortex-a57 -accel tcg,thread=single -smp 2 -m 1G \
	-nodefaults -nographic -no-reboot -serial stdio -kernel "$kernel" -initrd "$root/initrd" \
	-append "console=ttyAMA0 quiet panic=-1 -- -test.v -test.run=^($tests)\$" </dev/null |
	tee "$root/log" | grep --line-buffered -E '^(--- |arm64: |panic)' || true
grep -q '^arm64: PASS' "$root/log" || { tail -n 200 "$root/log"; exit 1; } # whatever QEMU says
