#!/usr/bin/env bash
# Measures mini-container beside crun, runc and bubblewrap: on this machine
# without cgroups and filters, and in a guest with both. $@: flags for both.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # where Debian has runc
out=$PWD/out/bench status=0 stopped='' half=''
mkdir -p "$out"
rm -f "$out"/mini-container{,-guest}.json # an old report is no answer
trap 'stopped=1; [ -z "$half" ] || kill "$half" 2>/dev/null || :' INT TERM HUP

# Runs one half and checks its report. After a signal, which is passed on,
# nothing begins. 1, a missed target, weighs more than 3, something not measured.
half() {
	local report=$1 code=0
	shift
	"$@" & half=$!
	wait "$half" || code=$?
	while kill -0 "$half" 2>/dev/null; do wait "$half" || code=$?; done
	[ -z "$stopped" ] || exit 3
	case $code in 0 | 1) bin/schemas validate "$report" >&2 ;; 3) ;; *) exit "$code" ;; esac
	[ "$status" = 1 ] || [ "$code" = 0 ] || status=$code
}

half "$out/mini-container.json" bin/bench-mini-container --json "$out/mini-container.json" "$@"
echo
half "$out/mini-container-guest.json" bin/vmtest exec --kernel "${KERNEL:-6.12}" --image peers --memory 2G --timeout 30m --dir / \
	--mount "$PWD/bin/bench-mini-container:/bench/bench-mini-container" --mount "$PWD/bin/mini-container:/bench/mini-container" \
	--get "/run/mini-container-guest.json:$out" -- \
	/bench/bench-mini-container --confined -n 30 --runs 200 --json /run/mini-container-guest.json \
	--binary /bench/mini-container "$@"
exit "$status"
