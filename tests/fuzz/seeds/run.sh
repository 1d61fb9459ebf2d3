#!/bin/sh
# Run each fuzz program on inputs made from numbers: run.sh INPUTS PROGRAM...
set -u

inputs=$1
shift
passed=0
failed=0
for program in "$@"; do
	if timeout 600 "$program" --inputs "$inputs"; then
		passed=$((passed + 1))
		echo "ok       $(basename "$program"): $inputs inputs"
	else
		failed=$((failed + 1))
		echo "FAILED   $program --inputs $inputs"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
