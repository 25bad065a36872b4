#!/usr/bin/env bash
# Measures mini-container beside crun, runc and bubblewrap: on this machine
# without cgroups and filters, and in a guest with both. $@: flags for both.
set -euo pipefail
cd "$(dirname "$0")/.."
kernel=${KERNEL:-6.12}
out=$PWD/out/bench
mkdir -p "$out"

missed=0
bin/bench-mini-container --json "$out/mini-container.json" "$@" || missed=$?
echo
bin/vmtest exec --kernel "$kernel" --image peers --memory 2048 --timeout 30m --dir / \
	--mount "$PWD/bin/bench-mini-container:/bench/bench-mini-container" --mount "$PWD/bin/mini-container:/bench/mini-container" \
	--get "/run/mini-container-guest.json:$out" -- \
	/bench/bench-mini-container --confined -n 30 --runs 200 --json /run/mini-container-guest.json \
	--binary /bench/mini-container "$@" || missed=$?
exit "$missed"
