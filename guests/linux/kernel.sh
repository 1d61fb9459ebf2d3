#!/bin/sh
# kernel.sh OUT: Debian's cloud kernel as OUT/vmlinuz, and as the OUT/vmlinux that is packed in it,
# so that no guest has to decompress itself.
set -eu
mkdir -p "$1"
OUT=$(cd "$1" && pwd)
WORK=$OUT/work
. guests/linux/packages.sh

# Fields of the setup header (Documentation/arch/x86/boot.rst of Linux).
field() {
	od -An "-tu$2" "-j$1" "-N$2" "$OUT/vmlinuz" | tr -d ' '
}

package=$(depends_on linux-image-cloud-amd64 linux-image-)
if [ -z "$package" ]; then
	refresh_lists
	package=$(depends_on linux-image-cloud-amd64 linux-image-)
fi
[ -n "$package" ] || die "apt knows no linux-image-cloud-amd64"
unpack "$WORK/kernel" "$package"
cp "$WORK/kernel/boot/"vmlinuz-* "$OUT/vmlinuz"

[ "$(field 514 4)" = 1400005704 ] || die "the kernel is no bzImage"
sectors=$(field 497 1)
start=$(((sectors + 1) * 512 + $(field 584 4)))
# The last four bytes say how long the payload is when unpacked.
size=$(($(field 588 4) - 4))
tail -c "+$((start + 1))" "$OUT/vmlinuz" | head -c "$size" >"$WORK/payload"
case $(od -An -tx1 -N4 "$WORK/payload" | tr -d ' ') in
02214c18) lz4 -dcq "$WORK/payload" >"$OUT/vmlinux.new" ;;
28b52ffd) zstd -dcq "$WORK/payload" >"$OUT/vmlinux.new" ;;
fd377a58) xz -dcq "$WORK/payload" >"$OUT/vmlinux.new" ;;
1f8b*) gzip -dcq "$WORK/payload" >"$OUT/vmlinux.new" ;;
*) die "the kernel is packed in a way that is not known here" ;;
esac
rm "$WORK/payload"
mv "$OUT/vmlinux.new" "$OUT/vmlinux"
