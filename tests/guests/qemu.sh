#!/bin/sh
# Boot each guest under QEMU's own software CPU and report what it found there.
#   qemu.sh GUEST.elf...
set -u

qemu=qemu-system-x86_64
passed=0
failed=0

if ! command -v $qemu >/dev/null 2>&1; then
	echo "SKIP $qemu is not installed"
	echo "0 passed, 0 failed, $# skipped"
	exit 0
fi

text=$(mktemp)
trap 'rm -f "$text"' EXIT
for guest in "$@"; do
	name=$(basename "$guest" .elf)
	cpus=1
	wanted=33
	case $name in
	*smp2*) cpus=2 ;;
	triple_fault) wanted=0 ;;
	esac
	timeout 20 $qemu -M pc -accel tcg -nodefaults -display none -no-reboot -cpu max,vendor=GenuineIntel \
		-smp $cpus -device isa-debug-exit,iobase=0xf4,iosize=4 -device pc-testdev \
		-debugcon "file:$text" -kernel "$guest" -append "$name" </dev/null 2>&1
	status=$?
	if [ $status -eq $wanted ] && ! grep -q '^FAIL' "$text"; then
		echo "ok $name: $(tail -1 "$text")"
		passed=$((passed + 1))
	else
		echo "FAIL $name: exit status $status, want $wanted"
		grep -v '^ok' "$text"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
