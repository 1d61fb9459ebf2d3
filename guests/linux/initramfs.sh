#!/bin/sh
# initramfs.sh OUT NAME [PROGRAM-PACKAGE PROGRAM]...: OUT/NAME.cpio with busybox, the modules that
# guests/linux/init may load, and programs with their libraries.
set -eu
mkdir -p "$1"
OUT=$(cd "$1" && pwd) NAME=$2
shift 2
WORK=$OUT/work
. guests/linux/packages.sh

MODULES="virtio_ring virtio virtio_mmio virtio_blk failover net_failover virtio_net virtio-rng
	virtio_console virtio_balloon button evdev"

tree=$WORK/$NAME.tree
rm -rf "$tree"
mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/tmp" "$tree/data" \
	"$tree/modules" "$tree/etc/acpi/PWRF"

unpack "$WORK/busybox" busybox-static
BUSYBOX=$WORK/busybox/bin/busybox
cp "$BUSYBOX" "$tree/bin/busybox"

# Debug sections and signatures would only be read and thrown away by the guest.
for module in $MODULES; do
	file=$(find "$WORK/kernel/lib/modules" -name "$module.ko" | head -n 1)
	[ -n "$file" ] || die "the kernel package has no module $module"
	objcopy --strip-debug "$file" "$tree/modules/$module.ko"
done

packages= programs=
while [ $# -gt 0 ]; do
	packages="$packages $1"
	programs="$programs $2"
	shift 2
done
if [ -n "$packages" ]; then
	unpack "$WORK/$NAME.packages" $packages $(libraries_of $packages)
	copy_program "$WORK/$NAME.packages" "$tree" $programs
fi

cp guests/linux/init "$tree/init"
cp guests/linux/power_button "$tree/etc/acpi/PWRF/00000080"
chmod 755 "$tree/init" "$tree/etc/acpi/PWRF/00000080"
echo 'root:x:0:0:root:/:/bin/sh' >"$tree/etc/passwd"
pack "$tree" "$OUT/$NAME.cpio"
