#!/usr/bin/env bash
# Renders sample reports, a hostile one among them, and checks the pages in
# headless Chromium; screenshots go to out/report-check. Usage: ci/report-check.sh
set -euo pipefail
cd "$(dirname "$0")/.."
out=out/report-check samples=internal/report/testdata/sample
mkdir -p "$out"
rm -f "$out"/*.png "$out"/*.html
for name in rich hostile green; do
	against=()
	[ "$name" = green ] || against=(--against "$samples/older.json")
	go run ./vmtest/cmd/vmtest matrix "$samples/$name.json" "${against[@]}" --html "$out/$name.html" >/dev/null
done
go -C ci/report-check run . "$PWD/$out" "$PWD/$out"/{rich,hostile,green}.html
