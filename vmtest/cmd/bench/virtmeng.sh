#!/bin/sh
# virtmeng.sh DISK KERNEL MODULES BEGINS ARGS...
# Runs vng ARGS... on the Debian of DISK, with the image and the modules of a
# kernel. BEGINS is printed when QEMU starts. All of it is in memory and in
# namespaces of its own, so that nothing is left behind.
set -eu
disk=$1 kernel=$2 modules=$3 begins=$4
shift 4
mount -t tmpfs -o mode=755 tmpfs /run
root=/run/root
mkdir "$root"
debugfs -R "rdump / $root" "$disk" >/run/log 2>&1 # its exit status says nothing
[ -x "$root/usr/bin/vng" ] || { tail -n 3 /run/log; exit 1; }
for fs in dev proc sys; do mount --rbind "/$fs" "$root/$fs"; done
cp "$kernel" "$root/boot/vmlinuz"
mkdir "$root/usr/lib/modules/${modules##*/}"
mount --bind "$modules" "$root/usr/lib/modules/${modules##*/}"
# vng also asks QEMU for its version: that does not count.
cat >"$root/usr/local/bin/qemu" <<END
#!/bin/sh
case " \$* " in *" -kernel "*) echo "$begins" ;; esac
exec qemu-system-x86_64 "\$@"
END
chmod +x "$root/usr/local/bin/qemu"
exec chroot "$root" env -i HOME=/root USER=root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	vng --qemu /usr/local/bin/qemu --run /boot/vmlinuz "$@"
