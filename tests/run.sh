#!/bin/sh
# Run checks one after the other and sum up what they report.
#
#   run.sh LOG_DIR NAME::COMMAND...
#
# Each check gets one line and a log of its own; the log of a failed check is printed. A check's count
# is taken from a closing line "N passed, N failed[, N skipped]", or from cmocka's summary. A check
# that reports no count is one test, passed when it exits with 0; a unit program must report. A check
# that dies without naming a failure counts one failure, whatever it had passed before.
# The last line printed is the sum of all, and the exit status follows it.
set -u

logs=$1
shift
mkdir -p "$logs"
passed=0
failed=0
skipped=0

# Prints "PASSED FAILED SKIPPED" as reported in a log, or nothing when it reports nothing.
count_log() {
	awk '
	function amount(line) { sub(/^\[[^]]*\][^0-9]*/, "", line); return line + 0 }
	/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
		passed = $1; failed = $3; skipped = $5 + 0; told = 1
	}
	/^\[  PASSED  \] .*test\(s\)/ { cm_passed += amount($0); cmocka = 1 }
	/^\[  FAILED  \] .*test\(s\)/ { cm_failed += amount($0); cmocka = 1 }
	/^\[  SKIPPED \] .*test\(s\)/ { cm_skipped += amount($0); cmocka = 1 }
	END {
		if (told)
			print passed, failed, skipped
		else if (cmocka)
			print cm_passed + 0, cm_failed + 0, cm_skipped + 0
	}' "$1"
}

run_check() {
	name=$1
	command=$2
	log=$logs/$(printf %s "$name" | tr / -).log

	timeout "${CHECK_TIMEOUT:-900}" sh -c "$command" >"$log" 2>&1
	status=$?
	counts=$(count_log "$log")
	if [ -z "$counts" ]; then
		case $name in
		unit/*) counts="0 1 0"; [ $status -ne 0 ] || echo "no test reported" >>"$log" ;;
		*) counts="1 0 0"; [ $status -eq 0 ] || counts="0 1 0" ;;
		esac
	fi
	read -r check_passed check_failed check_skipped <<-END
		$counts
	END
	if [ $status -ne 0 ] && [ "$check_failed" -eq 0 ]; then
		check_failed=1
		echo "exit status $status" >>"$log"
	fi
	passed=$((passed + check_passed))
	failed=$((failed + check_failed))
	skipped=$((skipped + check_skipped))

	if [ "$check_failed" -gt 0 ]; then
		printf 'FAILED   %-28s %s passed, %s failed (log follows)\n' \
			"$name" "$check_passed" "$check_failed"
		sed 's/^/    | /' "$log"
	elif [ "$check_skipped" -gt 0 ]; then
		printf 'ok       %-28s %s passed, %s skipped\n' "$name" "$check_passed" "$check_skipped"
		grep -i '^SKIP' "$log" | sed 's/^/    | /'
	else
		printf 'ok       %-28s %s passed\n' "$name" "$check_passed"
	fi
}

for check in "$@"; do
	run_check "${check%%::*}" "${check#*::}"
done

closing="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || closing="$closing, $skipped skipped"
echo "$closing"
[ "$failed" -eq 0 ]
