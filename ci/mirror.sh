#!/usr/bin/env bash
# Prints the mirror of Debian RELEASE (a codename) that this machine's own apt
# configuration names. Usage: ci/mirror.sh RELEASE
set -euo pipefail
release=${1:?usage: ci/mirror.sh RELEASE}
# The origin is known once apt has been updated; before that any source will do.
for filter in 'Origin: Debian' 'Created-By: Packages'; do
	# shellcheck disable=SC2016 # apt's own variables
	targets=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' "$filter" 'Created-By: Packages')
	awk -v release="$release" '$1 == release && $2 == "main" { print $3; found = 1; exit } END { exit !found }' \
		<<<"$targets" && exit
done
echo "ci/mirror.sh: no mirror of Debian $release in this machine's apt configuration" >&2
exit 2
