#!/bin/sh
# Run each fuzz program for a bounded time: fuzz.sh SECONDS PROGRAM...
# A corpus of starting inputs is taken from tests/fuzz/corpus/NAME when there is one; what the run
# finds is kept in out/fuzz/corpus/NAME.
set -u

seconds=$1
shift
passed=0
failed=0
for program in "$@"; do
	name=$(basename "$program")
	found=out/fuzz/corpus/$name
	seeds=tests/fuzz/corpus/$name
	mkdir -p "$found" out/fuzz/logs
	[ -d "$seeds" ] || seeds=
	log=out/fuzz/logs/$name.log
	if "$program" -max_total_time="$seconds" -timeout=20 -artifact_prefix="out/fuzz/$name-" \
		"$found" $seeds >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "ok       $name: $(grep '^Done ' "$log"), $(ls "$found" | wc -l) inputs kept"
	else
		failed=$((failed + 1))
		echo "FAILED   $name (log follows)"
		tail -n 60 "$log" | sed 's/^/    | /'
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
