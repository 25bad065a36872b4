#!/usr/bin/env bash
# Proves that a fresh Debian SUITE (bookworm, trixie) with nothing but make, git
# and CA certificates can run COMMAND in a clone of this repository's HEAD: in a
# chroot with mounts and processes of its own, all gone afterwards. Needs root
# and mmdebstrap. Usage: ci/fresh-machine.sh SUITE [COMMAND]
set -euo pipefail
suite=${1:?usage: ci/fresh-machine.sh SUITE [COMMAND]}
command=${2:-'ci/install-deps.sh && ci/install-deps.sh && export GOTOOLCHAIN=auto && go version && go build ./...'}
cd "$(dirname "$0")/.."
if [ -z "${FRESH_ROOT-}" ]; then # outside: everything goes when this ends, however it ends
	FRESH_ROOT=$(mktemp -d)
	export FRESH_ROOT
	trap 'rm -rf --one-file-system "$FRESH_ROOT"' EXIT
	trap 'kill -KILL $! 2>/dev/null; wait; exit 130' INT TERM HUP
	unshare --mount --pid --fork --kill-child=KILL --mount-proc "ci/${0##*/}" "$suite" "$command" &
	wait $! && exit
	exit $?
fi

# This machine's own way to a mirror: URI, proxy, date checks, certificates.
mirror=$(ci/mirror.sh "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)")
mkdir -p "$FRESH_ROOT/etc/apt/apt.conf.d" "$FRESH_ROOT/usr/local/share/ca-certificates"
apt-config dump Acquire | grep -E '^Acquire::(https?::|Check-|Retries).*"[^"]+";' >"$FRESH_ROOT/etc/apt/apt.conf.d/99host" || :
cp -a /usr/local/share/ca-certificates/. "$FRESH_ROOT/usr/local/share/ca-certificates/"
mmdebstrap --quiet --mode=root --variant=minbase --skip=check/empty --format=directory \
	--include=make,git,ca-certificates "$suite" "$FRESH_ROOT" "$mirror"
cp /etc/resolv.conf /etc/hosts "$FRESH_ROOT/etc/"
git clone -q . "$FRESH_ROOT/src"

mount --bind "$FRESH_ROOT" "$FRESH_ROOT" # a chroot must be a mount point for unshare(1) in it
for dir in dev sys; do mount --rbind /$dir "$FRESH_ROOT/$dir"; done
mount -t proc proc "$FRESH_ROOT/proc"
pass=()
for v in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY GOPROXY GOSUMDB TERM KERNELS TIER; do
	[ -z "${!v-}" ] || pass+=("$v=${!v}")
done
env -i "${pass[@]}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 \
	chroot "$FRESH_ROOT" sh -ec "cd /src; $command"
