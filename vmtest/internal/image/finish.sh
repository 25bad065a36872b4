#!/bin/sh
# Turns the Debian tree $1 into a guest's root. Runs as root of its namespaces.
set -eu
umask 022
cd "$1"

# Init mounts devtmpfs and its own choice of file systems over these.
rm -rf dev/* run/* tmp/* var/log/* var/cache/apt/* var/lib/apt/lists/* etc/.pwd.lock
# Both may hold the mirror's password.
rm -f etc/apt/sources.list etc/apt/apt.conf.d/99mmdebstrap
mkdir -p payload scratch out usr/lib/modules

echo vmtest >etc/hostname
printf '127.0.0.1 localhost vmtest\n::1 localhost ip6-localhost\n' >etc/hosts
rm -f etc/resolv.conf var/lib/dbus/machine-id
: >etc/resolv.conf
: >etc/fstab
# Empty, not missing: systemd then makes up an id per boot, and does not take
# the boot for a first one.
: >etc/machine-id

# What only slows a guest down whose PID 1 is systemd.
mkdir -p etc/systemd/system etc/systemd/journald.conf.d
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer getty@tty1.service \
	serial-getty@.service console-getty.service getty.target ldconfig.service \
	systemd-firstboot.service systemd-journal-flush.service \
	systemd-machine-id-commit.service systemd-network-generator.service \
	systemd-networkd.service systemd-networkd-wait-online.service \
	systemd-pstore.service systemd-random-seed.service systemd-resolved.service \
	systemd-timesyncd.service systemd-tmpfiles-clean.timer; do
	ln -sfn /dev/null "etc/systemd/system/$unit"
done
ln -sfn /usr/lib/systemd/system/multi-user.target etc/systemd/system/default.target
printf '[Journal]\nStorage=volatile\n' >etc/systemd/journald.conf.d/vmtest.conf
