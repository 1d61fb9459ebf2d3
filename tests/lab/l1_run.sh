#!/bin/sh
# l1_run.sh KIT COMMAND...: run COMMAND in the lab's VM (see l1_build.sh), in this folder.
#
# The host's files are there at their own paths, to be read; this folder can be written too.  The status is
# COMMAND's (0 to 127), or 250 when the VM ended without one.  L1_SMP, L1_MEM and L1_TIMEOUT change the
# VM's CPUs (1), memory (2G) and the seconds that it may take (300).
#
# One CPU is the safe number: with two, multi-threaded emulation of code that changes itself can hang the
# kernel when a guest is created or destroyed.
set -eu

[ $# -ge 2 ] || {
	echo "usage: l1_run.sh KIT COMMAND..." >&2
	exit 2
}
KIT=$1
HERE=$(pwd)
shift
TEMP=$(mktemp -d)
trap 'rm -rf "$TEMP"' EXIT

# As a word of the shell's language.
quoted() {
	printf " '"
	printf %s "$1" | sed "s/'/'\\\\''/g"
	printf "'"
}

write_job() {
	here=$(quoted "$HERE" | cut -c 2-)
	cat <<-E
		#!/bin/sh
		options=trans=virtio,version=9p2000.L,msize=512000
		mount -t 9p -o \$options,ro,cache=loose hostroot /host || exit 120
		for folder in proc sys dev; do mount --rbind /\$folder /host/\$folder; done
		mount -t tmpfs tmpfs /host/tmp
		mount -t tmpfs tmpfs /host/run
		mkdir -p /host$here
		mount -t 9p -o \$options,access=any,cache=mmap work /host$here || exit 121
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	E
	printf "exec chroot /host /bin/sh -c 'cd \"\$0\" && exec \"\$@\"' %s" "$here"
	for word; do
		quoted "$word"
	done
	echo
}

mkdir "$TEMP/root"
write_job "$@" >"$TEMP/root/job"
chmod +x "$TEMP/root/job"
{
	cat "$KIT/base.cpio"
	(cd "$TEMP/root" && find . | cpio -o -H newc --quiet --owner 0:0)
} >"$TEMP/initrd"

status=0
nice timeout "${L1_TIMEOUT:-300}" qemu-system-x86_64 -M q35,usb=off -nodefaults -no-user-config -display none \
	-no-reboot -accel tcg,thread=multi -cpu EPYC,+svm,+npt -smp "${L1_SMP:-1}" -m "${L1_MEM:-2G}" \
	-serial stdio -device isa-debug-exit,iobase=0xf4,iosize=1 \
	-kernel "$KIT/vmlinux" -initrd "$TEMP/initrd" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable" \
	-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
	-device virtio-9p-pci,fsdev=root,mount_tag=hostroot \
	-fsdev local,id=work,path="$HERE",security_model=none \
	-device virtio-9p-pci,fsdev=work,mount_tag=work </dev/null 2>"$TEMP/errors" || status=$?
if [ $((status & 1)) = 0 ]; then
	grep -v "TCG doesn't support" "$TEMP/errors" >&2 || true
	echo "l1_run: the VM ended without a status" >&2
	exit 250
fi
exit $((status >> 1))
