#!/usr/bin/env bash
# Prints the path of the kernel of Debian 13's linux-image-cloud-arm64, which
# it fetches into the cache. apt checks signature and SHA-256.
# Usage: ci/arm64-kernel.sh
set -euo pipefail
# shellcheck source=/dev/null
mirror=$("$(dirname "$0")/mirror.sh" "$(. /etc/os-release; echo "$VERSION_CODENAME")")
dir=${VMTEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/namespaces-cgroups-ebpf}/arm64
mkdir -p "$dir"/lists/partial "$dir"/archives/partial
exec 9>"$dir/lock"
flock 9 # one fetches, others wait for it
touch "$dir/status"
echo "deb [arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$dir/sources.list"
cat >"$dir/apt.conf" <<END
#clear APT::Architectures;
APT::Architecture "arm64";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Dir::State "$dir";
Dir::State::status "$dir/status";
Dir::Cache "$dir";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
END
export APT_CONFIG=$dir/apt.conf
apt-get -qq update >&2 || echo "ci/arm64-kernel.sh: no news from $mirror: what is in the cache has to do" >&2
package=$(apt-cache depends linux-image-cloud-arm64 | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p')
[ -d "$dir/$package" ] || (cd "$dir/archives" && apt-get -qq download "$package" >&2 &&
	rm -rf "$dir/new" && dpkg-deb -x "$package"_*.deb "$dir/new" && rm "$package"_*.deb && mv "$dir/new" "$dir/$package")
ls "$dir/$package"/boot/vmlinuz-*
