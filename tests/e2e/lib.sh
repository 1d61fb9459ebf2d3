# Sourced by the end-to-end tests: guests under `understudy run`, watched from outside.
#
# UNDERSTUDY: the program.  LINUX: the folder with the Debian guests.  BARE: that with the
# freestanding ones.  Run from the root of the repository.  Ends in "N passed, N failed[, N skipped]".
set -u

UNDERSTUDY=${UNDERSTUDY:-out/release/understudy}
BARE=${BARE:-out/guests}
LINUX=${LINUX:-$BARE/linux}
WORDS="console=ttyS0 quiet nokaslr cryptomgr.notests panic=-1 reboot=a"

work=$(mktemp -d)
passed=0
failed=0
skipped=0
guest=

trap 'kill_guest; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# ---- verdicts -------------------------------------------------------------------------------------

# verdict NAME STATUS: passed when STATUS is 0; what the last guest said follows a failure.
verdict() {
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok      $1"
	else
		failed=$((failed + 1))
		echo "FAILED  $1"
		for file in "$work/console" "$work/said"; do
			[ ! -s "$file" ] || tail -n 12 "$file" | tr -d '\r' | sed 's/^/    | /'
		done
	fi
}

# skip NAME REASON
skip() {
	skipped=$((skipped + 1))
	echo "SKIP $1: $2"
}

finish() {
	closing="$passed passed, $failed failed"
	[ $skipped -eq 0 ] || closing="$closing, $skipped skipped"
	echo "$closing"
	[ $failed -eq 0 ]
	exit
}

# ---- guests ---------------------------------------------------------------------------------------

# run SECONDS [OPTION]...: to its end; the console in $work/console, our own lines in $work/said, the
# exit code in $code.
run() {
	seconds=$1
	shift
	timeout -k 5 "$seconds" "$UNDERSTUDY" run "$@" </dev/null >"$work/console" 2>"$work/said"
	code=$?
}

# start [OPTION]...: in the background, with keys from the pipe on descriptor 9.
start() {
	rm -f "$work/keys"
	mkfifo "$work/keys"
	: >"$work/console"
	"$UNDERSTUDY" run "$@" <"$work/keys" >"$work/console" 2>"$work/said" 9>&- &
	guest=$!
	exec 9>"$work/keys"
}

type_keys() {
	printf '%s\n' "$1" >&9
}

# wait_for SECONDS TEXT: until the console shows TEXT, the guest ends or time is up.
wait_for() {
	tries=$(($1 * 10))
	while [ $tries -gt 0 ]; do
		grep -qF "$2" "$work/console" && return 0
		kill -0 "$guest" 2>/dev/null || return 1
		sleep 0.1
		tries=$((tries - 1))
	done
	return 1
}

# wait_end SECONDS: until the guest ends; its exit code in $code.
wait_end() {
	tries=$(($1 * 10))
	while [ $tries -gt 0 ] && kill -0 "$guest" 2>/dev/null; do
		sleep 0.1
		tries=$((tries - 1))
	done
	[ $tries -gt 0 ] || echo "time is up" >>"$work/said"
	kill_guest
}

kill_guest() {
	[ -n "$guest" ] || return 0
	kill -9 "$guest" 2>/dev/null
	wait "$guest" 2>/dev/null
	code=$?
	guest=
	exec 9>&-
}

# press SECONDS: the power button, once the guest has had time to listen to it, and the end.
press() {
	sleep 1
	kill -TERM "$guest"
	wait_end "$1"
}

said() {
	grep -qF -- "$1" "$work/said"
}

printed() {
	grep -qF -- "$1" "$work/console"
}

# disk_of IMAGE: a copy to write to, sparse like the image; its path.
disk_of() {
	cp --sparse=always "$1" "$work/disk.img" && echo "$work/disk.img"
}

# cpu_ticks: what the guest's process has used, in hundredths of a second.
cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$guest/stat"
}

# free_port: one that nobody listens on.
free_port() {
	port=$((20000 + $$ % 20000))
	while ss -ltn | grep -q ":$port "; do
		port=$((port + 1))
	done
	echo $port
}
