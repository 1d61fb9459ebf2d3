#!/bin/sh
# Tests of the tools that judge the tree: a check that cannot fail is worth nothing.
# Run from the root of the repository; ends in "N passed, N failed".
set -u

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# verdict NAME CONDITION-STATUS
verdict() {
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1"
	fi
}

# ---- run.sh: the sum and the exit status ----------------------------------------------------------

# sums NAME EXPECTED-CLOSING-LINE EXPECTED-STATUS CHECK...
sums() {
	name=$1
	closing=$2
	expected=$3
	shift 3
	out=$("$root/tests/run.sh" "$work/logs" "$@")
	status=$?
	[ "$(echo "$out" | tail -n 1)" = "$closing" ] && [ "$status" -eq "$expected" ]
	verdict "run.sh: $name (said: $(echo "$out" | tail -n 1), status $status)" $?
}

cmocka_ok='echo "[==========] 3 test(s) run." >&2; echo "[  PASSED  ] 3 test(s)." >&2'
cmocka_bad='echo "[  PASSED  ] 2 test(s)."; echo "[  FAILED  ] 1 test(s), listed below:"; \
	echo "[  FAILED  ] a_test"; exit 1'

sums "a plain check counts one" "1 passed, 0 failed" 0 "a::true"
sums "a plain check that fails" "0 passed, 1 failed" 1 "a::false"
sums "cmocka's tests are summed" "6 passed, 0 failed" 0 "unit/a::$cmocka_ok" "unit/b::$cmocka_ok"
sums "cmocka's failures are summed" "5 passed, 1 failed" 1 "unit/a::$cmocka_ok" "unit/b::$cmocka_bad"
sums "a crash after all passed" "3 passed, 1 failed" 1 "unit/a::$cmocka_ok; kill -SEGV \$\$"
sums "a crash before anything" "0 passed, 1 failed" 1 "unit/a::kill -ABRT \$\$"
sums "a unit program that says nothing" "0 passed, 1 failed" 1 "unit/a::true"
sums "a program that is not there" "0 passed, 1 failed" 1 "unit/a::./no-such-program"
sums "a check's own count" "40 passed, 2 failed, 3 skipped" 1 \
	"a::echo 40 passed, 2 failed, 3 skipped; false"
sums "an own count with a crash" "40 passed, 1 failed" 1 "a::echo 40 passed, 0 failed; exit 139"
sums "failures with a good status" "1 passed, 1 failed" 1 "a::echo 1 passed, 1 failed"
sums "skipped tests are told" "1 passed, 0 failed, 1 skipped" 0 \
	"a::echo 1 passed, 0 failed, 1 skipped"
CHECK_TIMEOUT=1 sums "a check that hangs" "0 passed, 1 failed" 1 "a::sleep 20"

# ---- check_includes.sh ------------------------------------------------------------------------------

mkdir -p "$work/tree"
cd "$work/tree" || exit 1
for header in core/base/err.h core/memory.h core/machine.h core/x86/decode.h core/device/uart.h \
	core/host/tap.h core/engine/engine.h transport/channel.h checkpoint/image.h replay/event.h \
	replay/timeline.h ft-daemon/role.h tools/face.h tests/unit/all.h guests/abi.h; do
	mkdir -p "$(dirname $header)"
	: >$header
done

# includes VERDICT FILE LINE
includes() {
	mkdir -p "$(dirname "$2")"
	printf '%s\n' "$3" >"$2"
	"$root/tools/check_includes.sh" >"$work/said" 2>&1
	status=$?
	rm -f "$2"
	if [ "$1" = allowed ]; then
		[ $status -eq 0 ]
	else
		[ $status -ne 0 ] && grep -q "^$2:1: " "$work/said"
	fi
	verdict "check_includes.sh: $2 with '$3' is $1" $?
}

while read -r verdict file header; do
	includes "$verdict" "$file" "#include \"$header\""
done <<-END
	allowed core/base/a.c core/base/err.h
	refused core/base/a.c core/memory.h
	allowed core/a.c core/base/err.h
	allowed core/a.c core/memory.h
	refused core/a.c core/x86/decode.h
	refused core/a.c core/machine.h
	refused core/a.c core/device/uart.h
	allowed core/x86/a.c core/memory.h
	refused core/x86/a.c core/device/uart.h
	refused core/x86/a.c core/engine/engine.h
	refused core/device/a.c core/host/tap.h
	refused core/host/a.c core/device/uart.h
	allowed core/engine/interpret/a.c core/x86/decode.h
	refused core/engine/interpret/a.c core/device/uart.h
	refused core/engine/interpret/a.c core/machine.h
	allowed core/machine.c core/device/uart.h
	allowed core/machine.c core/host/tap.h
	refused core/machine.c replay/event.h
	refused transport/a.c core/memory.h
	allowed transport/a.c core/base/err.h
	allowed checkpoint/a.c core/machine.h
	refused checkpoint/a.c replay/event.h
	refused checkpoint/a.c transport/channel.h
	refused replay/a.c checkpoint/image.h
	allowed replay/timeline.c checkpoint/image.h
	refused replay/timeline.c transport/channel.h
	allowed ft-daemon/a.c transport/channel.h
	refused ft-daemon/a.c tools/face.h
	allowed tools/a.c ft-daemon/role.h
	refused tools/a.c tests/unit/all.h
	allowed tests/unit/a.c core/x86/decode.h
	refused guests/a.c core/base/err.h
	allowed guests/a.c guests/abi.h
	refused core/a.c memory.h
	refused core/a.c ../core/memory.h
	refused core/a.c core/no_such.h
END
: >core/base/err.c
includes refused core/a.c '#include "core/base/err.c"'
includes refused core/a.c '#include <xxhash.h>'
includes allowed core/base/a.c '#include <xxhash.h>'
includes refused core/machine.c '#include <linux/kvm.h>'
includes refused core/a.c 'clock_gettime(CLOCK_MONOTONIC, &now);'
includes refused core/a.c '	start = time(NULL);'
includes allowed core/base/host_time.c 'clock_gettime(CLOCK_MONOTONIC, &now);'
includes allowed core/a.c 'host_time(NULL);'
cd "$root" || exit 1

# ---- check_globals.sh -------------------------------------------------------------------------------

# globals VERDICT CODE
globals() {
	printf '%s\n' "$2" >"$work/globals.c"
	${CC:-gcc} -c -o "$work/globals.o" "$work/globals.c" || exit 1
	tools/check_globals.sh "$work/globals.o" >"$work/said" 2>&1
	status=$?
	if [ "$1" = allowed ]; then
		[ $status -eq 0 ]
	else
		[ $status -ne 0 ]
	fi
	verdict "check_globals.sh: $2 is $1" $?
}

globals allowed 'int f(void); int f(void) { return 1; }'
globals allowed 'const char *const names[] = {"a", "b"};'
globals allowed 'static int g(void) { return 1; } int (*const table[])(void) = {g};'
globals refused 'int counter;'
globals refused 'static int counter = 3; int f(void) { return counter++; }'
globals refused 'int f(void) { static int calls; return calls++; }'
globals refused '_Thread_local int depth;'
globals refused '_Thread_local int depth = 3;'
globals refused 'const char *name = "not const itself";'
globals refused 'int common __attribute__((common));'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
