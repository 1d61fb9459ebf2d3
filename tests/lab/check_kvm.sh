#!/bin/sh
# check_kvm.sh KIT OUT GUESTS [COMMAND-LINE]: the tests of the engine on KVM, here or, where KVM is not whole,
# in the lab.  They all share one boot of it.  The command line is for guests.
set -eu

KIT=$1
OUT=$2
GUESTS=$3

if ! "$OUT/tests/lab/kvm_engine" --probe; then
	[ $# -eq 3 ] || exit 1
	# The lab's processor is QEMU's, which guests have to be told.
	exec tests/lab/l1_run.sh "$KIT" tests/lab/check_kvm.sh "$KIT" "$OUT" "$GUESTS" "tcg=1 rounds=1"
fi
status=0
# Left out, since they look at what no virtual CPU can hide (RDTSCP, SYSEXIT and 1 GiB pages of the real one:
# long64, model, syscalls), at what the kernel's emulator cannot do to device memory (mmio), or at the moment an
# NMI comes in (interrupts); paging_32 and prot_32, which pass and leave other bits in tables in memory; and exceptions64, whose checks depend on those that are skipped under TCG.
left_out=" exceptions64 interrupts long64 mmio model paging_32 prot_32 syscalls "
names=
for file in "$GUESTS"/*.elf; do
	name=$(basename "$file" .elf)
	case $left_out in
	*" $name "*) ;;
	*) names="$names $name" ;;
	esac
done
"$OUT/tests/lab/kvm_engine" 2>&1 || status=1
"$OUT/tests/guests/runner" --driver kvm ${4:+--append "$4"} "$GUESTS" $names || status=1
exit $status
