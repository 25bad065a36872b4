#!/usr/bin/env bash
# Installs what the make targets need and this machine lacks: on Debian 12 and
# 13, as root; else it says what to install. Usage:
# ci/install-deps.sh [go|test|vmtest|arm64|report|bench]
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
die() { echo "ci/install-deps.sh: $*" >&2; exit 2; }
there() { if [[ $1 == /* ]]; then [ -e "$1" ]; else command -v "$1" >/dev/null; fi; }
# From 1.21 on, Go fetches the version that go.mod names (GOTOOLCHAIN=auto, see the Makefile).
go_ok() { [[ $(cd / && GOTOOLCHAIN=local go env GOVERSION 2>&1) =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21)); }
apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"; }

# A command or a file, and the package that has it.
wanted="git=git /etc/ssl/certs/ca-certificates.crt=ca-certificates"
tools=" clang-19=clang-19 llvm-strip-19=llvm-19 clang-format-19=clang-format-19 shellcheck=shellcheck
	mke2fs=e2fsprogs depmod=kmod xz=xz-utils zstd=zstd xmllint=libxml2-utils"
case ${1-vmtest} in
go) ;;
arm64) wanted+=" qemu-system-aarch64=qemu-system-arm cpio=cpio flock=util-linux
	/usr/share/keyrings/debian-archive-keyring.gpg=debian-archive-keyring" ;;
report) wanted+=" chromium=chromium /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf=fonts-dejavu-core" ;;
bench) wanted+=" crun=crun runc=runc bwrap=bubblewrap" ;;
test) wanted+=$tools ;;
vmtest) wanted+="$tools qemu-system-x86_64=qemu-system-x86 mmdebstrap=mmdebstrap newuidmap=uidmap
	unshare=util-linux /usr/share/keyrings/debian-archive-keyring.gpg=debian-archive-keyring" ;;
*) die "usage: ci/install-deps.sh [go|test|vmtest|arm64|report|bench]" ;;
esac
missing=()
for w in $wanted; do there "${w%=*}" || missing+=("${w#*=}"); done
go=$(go_ok || echo golang-go)
[ "${missing[*]}$go" ] || exit 0

# shellcheck source=/dev/null
case $(. /etc/os-release; echo "${ID-}-${VERSION_CODENAME-}") in
debian-bookworm) go_from=bookworm-backports ;; # bookworm's own is 1.19
debian-trixie) go_from=trixie ;;
*) die "this is neither Debian 12 nor 13; install what Debian has in: ${missing[*]} $go" ;;
esac
plan=${missing[*]:+apt-get install --no-install-recommends ${missing[*]}}
[ -z "$go" ] || plan+=${plan:+ && }"apt-get install --no-install-recommends -t $go_from $go"
[ "$(id -u)" = 0 ] || die "not root; install what is missing: $plan"
echo "installing ${missing[*]} $go"
apt update
apt install --no-install-recommends "${missing[@]}" >/dev/null
if [ "$go" ]; then
	if [ $go_from = bookworm-backports ]; then
		list=/etc/apt/sources.list.d/vmtest-backports.list
		trap 'rm -f $list' EXIT
		mirror=$("$(dirname "$0")/mirror.sh" bookworm)
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $go_from main" >$list
		apt update
	fi
	apt install --no-install-recommends -t $go_from golang-go >/dev/null
fi
go_ok || die "$(command -v go) is older than Go 1.21 and hides Debian's: take it out of PATH"
