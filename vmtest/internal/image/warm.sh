#!/bin/sh
# Compiles the standard library and the packages given after the tree $1 inside
# that tree. Runs as root of its own mount and PID namespaces; the mounts go
# with them. No network: what is missing shows here and not in the guest.
set -eu
tree=$1
shift
ln -sfn ../go/bin/go "$tree/usr/local/bin/go"
ln -sfn ../go/bin/gofmt "$tree/usr/local/bin/gofmt"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount -t tmpfs tmpfs "$tree/tmp"
unshare --net chroot "$tree" env -i PATH=/usr/local/bin:/usr/bin HOME=/root GOTELEMETRY=off sh -euc '
cd /usr/local/lib/go/module
for flags in "" -trimpath; do go build $flags std "$@"; done
rm -rf /root/.config
chmod -R a+rwX /usr/local/lib/go
' warm "$@"
