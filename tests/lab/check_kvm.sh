#!/bin/sh
# check_kvm.sh KIT OUT GUESTS: the tests of the engine on KVM, here or, where KVM is not whole, in the lab.
# They all share one boot of it.
set -eu

KIT=$1
OUT=$2
GUESTS=$3

if ! "$OUT/tests/lab/kvm_engine" --probe; then
	exec tests/lab/l1_run.sh "$KIT" tests/lab/check_kvm.sh "$KIT" "$OUT" "$GUESTS"
fi
status=0
"$OUT/tests/lab/kvm_engine" 2>&1 || status=1
exit $status
