#!/bin/sh
# An environment that fails, from a missing file to a disk that is full: one clear line each.
. tests/e2e/lib.sh

# refused NAME TEXT [OPTION]...: set-up error, one line on standard error that has TEXT in it.
refused() {
	name=$1
	text=$2
	shift 2
	run 20 "$@"
	[ $code -eq 1 ] && said "$text" && [ "$(wc -l <"$work/said")" -eq 1 ]
	verdict "$name: $text" $?
}

K=$LINUX/vmlinux

refused "no kernel said" "--kernel FILE is missing"
refused "missing kernel" "no-such-kernel" --kernel "$work/no-such-kernel"
refused "unknown option" "did you mean --kernel?" --kernle x
refused "no size" "--mem: '12Q' is not a size" --kernel "$K" --mem 12Q
refused "kvm" "no kvm engine yet" --kernel "$K" --engine kvm
refused "unknown network" "network" --kernel "$K" --net carrier-pigeon
refused "missing tap" "tap" --kernel "$K" --net tap:
refused "bad address" "mac=" --kernel "$K" --net user,mac=01:02

: >"$work/empty"
refused "empty kernel" "is empty" --kernel "$work/empty"
head -c 300000 "$LINUX/vmlinuz" >"$work/short-kernel"
refused "truncated kernel" "kernel" --kernel "$work/short-kernel"
head -c 3000000 "$K" >"$work/short-elf"
refused "truncated vmlinux" "kernel" --kernel "$work/short-elf"
head -c 200000 "$LINUX/initramfs.cpio" >"$work/short-initrd"
refused "truncated initrd" "ends early" --kernel "$K" --initrd "$work/short-initrd"
refused "too little memory" "--mem is 32 MiB" --kernel "$K" --initrd "$LINUX/initramfs.cpio" --mem 32M
refused "missing disk" "no-such-disk" --kernel "$K" --disk "$work/no-such-disk"

truncate -s 8M "$work/disk"
start --kernel "$K" --initrd "$LINUX/initramfs.cpio" --disk "$work/disk"
wait_for 60 "understudy: ready shell"
cp "$work/console" "$work/first-console"
timeout 20 "$UNDERSTUDY" run --kernel "$K" --disk "$work/disk" </dev/null >/dev/null 2>"$work/second"
[ $? -eq 1 ] && grep -q "$work/disk" "$work/second" && [ "$(wc -l <"$work/second")" -eq 1 ]
verdict "a disk that another guest has: $(sed 's/.*: //' "$work/second")" $?

# ---- what the guest sees --------------------------------------------------------------------------

type_keys 'dd if=/dev/zero of=/dev/vda bs=1M count=1 conv=fsync && echo wrote_$((1 + 1))'
wait_for 20 wrote_2
verdict "the first guest still writes" $?
kill_guest

start --kernel "$K" --initrd "$LINUX/initramfs.cpio" --disk "$work/disk,readonly"
wait_for 60 "understudy: ready shell" && type_keys 'cat /sys/block/vda/ro; dd if=/dev/zero of=/dev/vda \
bs=512 count=1 || echo refused_$((1 + 1))' && wait_for 20 refused_2
verdict "a read-only disk refuses writes" $?
kill_guest

truncate -s 1000 "$work/odd"
start --kernel "$K" --initrd "$LINUX/initramfs.cpio" --disk "$work/odd"
wait_for 60 "understudy: ready shell" && type_keys 'echo size_$(cat /sys/block/vda/size)_' &&
	wait_for 20 size_2_
verdict "a short image counts its last sector whole" $?
kill_guest

mkdir "$work/small"
if mount -t tmpfs -o size=1m tmpfs "$work/small" 2>/dev/null; then
	truncate -s 16M "$work/small/disk"
	start --kernel "$K" --initrd "$LINUX/initramfs.cpio" --disk "$work/small/disk"
	wait_for 60 "understudy: ready shell" && type_keys \
		'dd if=/dev/urandom of=/dev/vda bs=1M count=8 conv=fsync || echo full_$((1 + 1))' &&
		wait_for 30 full_2 && type_keys 'echo alive_$((2 + 2))' && wait_for 10 alive_4 &&
		[ "$(grep -c "$work/small/disk" "$work/said")" -eq 1 ]
	verdict "disk full: $(grep "$work/small/disk" "$work/said" | sed 's/.*: //')" $?
	kill_guest
	umount "$work/small"
else
	skip "disk full" "no right to mount a small file system"
fi

# A console whose reader goes away.
start --kernel "$K" --initrd "$LINUX/initramfs.cpio" --serial "unix:$work/socket" --no-reboot
for try in 1 2 3 4 5 6 7 8 9 10; do
	[ -S "$work/socket" ] && break
	sleep 0.1
done
python3 - "$work/socket" >"$work/console" <<-'END'
	import socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.settimeout(60)
	text = b""
	while b"ready shell" not in text:
	    text += s.recv(4096)
	s.close()
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.settimeout(20)
	s.sendall(b"echo again_$((3 + 4))\n")
	text = b""
	while b"again_7" not in text:
	    text += s.recv(4096)
	print("came back")
END
printed "came back"
verdict "a console whose reader goes away and comes back" $?
kill_guest

finish
