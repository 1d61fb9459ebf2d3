#!/bin/sh
# l1_build.sh OUT: the parts of a VM in which KVM works, as OUT/vmlinux and OUT/base.cpio.
#
# QEMU emulates a processor with SVM in software, and Debian's generic kernel in it offers a /dev/kvm
# that runs any guest, whatever the host can do.  Packages are downloaded and unpacked by apt and dpkg,
# never installed.  The kernel is taken out of its wrapper, since unpacking itself would cost it seconds.
set -eu

mkdir -p "$1"
OUT=$(cd "$1" && pwd)
WORK=$OUT/work
# In load order: KVM, then virtio and the 9p file system that shares the host's files.
MODULES="irqbypass kvm ccp kvm-amd virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci
	netfs fscache 9pnet 9p 9pnet_virtio"

die() {
	echo "l1_build: $*" >&2
	exit 1
}

# field OFFSET BYTES: a field of the setup header (Documentation/arch/x86/boot.rst of Linux).
field() {
	od -An "-tu$2" "-j$1" "-N$2" "$kernel" | tr -d ' '
}

# The payload's last four bytes say how long it is when unpacked and belong to no compressor.
unpack_kernel() {
	[ "$(field 514 4)" = 1400005704 ] || die "the kernel is no bzImage"
	start=$((($(field 497 1) + 1) * 512 + $(field 584 4)))
	tail -c "+$((start + 1))" "$kernel" | head -c "$(($(field 588 4) - 4))" >"$WORK/payload"
	[ "$(od -An -tx1 -N6 "$WORK/payload" | tr -d ' ')" = fd377a585a00 ] || die "the kernel's payload is not XZ"
	xz -dcq "$WORK/payload" >"$OUT/vmlinux.new"
	mv "$OUT/vmlinux.new" "$OUT/vmlinux"
}

copy_modules() {
	number=100
	for module in $MODULES; do
		file=$(find "$WORK/tree/lib" -name "$module.ko" | head -n 1)
		[ -n "$file" ] || die "module $module is not in the kernel's package"
		strip --strip-debug -o "$ROOT/mods/$number-$module.ko" "$file"
		number=$((number + 1))
	done
}

rm -rf "$WORK"
mkdir -p "$WORK/tree"
trap 'rm -rf "$WORK"' EXIT
package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
[ -n "$package" ] || die "apt knows no linux-image-amd64"
(cd "$WORK" && apt-get -qq -o APT::Sandbox::User= download "$package" busybox-static) ||
	die "apt-get cannot download $package and busybox-static (are its lists up to date?)"

patterns=./boot/vmlinuz-*
for module in $MODULES; do
	patterns="$patterns */$module.ko"
done
set -f
dpkg-deb --fsys-tarfile "$(find "$WORK" -name 'linux-image-*.deb')" |
	tar -x -C "$WORK/tree" --wildcards $patterns
dpkg-deb --fsys-tarfile "$(find "$WORK" -name 'busybox-static*.deb')" | tar -x -C "$WORK/tree" ./bin/busybox
set +f

kernel=$(find "$WORK/tree/boot" -name 'vmlinuz-*')
unpack_kernel

ROOT=$WORK/root
for folder in bin dev proc sys mods tmp run root host; do
	mkdir -p "$ROOT/$folder"
done
cp "$WORK/tree/bin/busybox" "$ROOT/bin/"
cp tests/lab/l1_init "$ROOT/init"
chmod +x "$ROOT/init"
copy_modules
(cd "$ROOT" && find . | LC_ALL=C sort | cpio -o -H newc --quiet --owner 0:0) >"$OUT/base.cpio.new"
mv "$OUT/base.cpio.new" "$OUT/base.cpio"
