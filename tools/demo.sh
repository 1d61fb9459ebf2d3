#!/bin/sh
# Show what works today: a Debian guest with a Redis server, on a CPU made of software, used from
# this host through a forwarded port. Ends with 0 when all of it worked.
set -eu

make=${MAKE:-make}
work=$(mktemp -d)
guest=
trap '[ -z "$guest" ] || kill -9 $guest 2>/dev/null; rm -rf "$work"' EXIT

say() {
	printf '%s\n' "$*"
}

fail() {
	say "demo: $*"
	tail -n 20 "$work/console" "$work/said" 2>/dev/null || true
	exit 1
}

# now: milliseconds.
now() {
	date +%s%3N
}

# seconds SINCE: "1.8 s".
seconds() {
	awk -v ms=$(($(now) - $1)) 'BEGIN { printf "%.1f s", ms / 1000 }'
}

answer() {
	redis-cli -p "$port" "$@" 2>&1
}

say "demo: building (the guest is made from Debian's own packages)"
$make out/release/understudy guests-linux >"$work/console" 2>&1 || fail "the build failed"

port=7379
while ss -ltn | grep -q ":$port "; do
	port=$((port + 1))
done

say ""
say "A Debian kernel and a Redis server start on a CPU that is a program:"
begun=$(now)
out/release/understudy run --name demo --json --mem 512M \
	--kernel out/guests/linux/vmlinux --initrd out/guests/linux/redis.cpio \
	--append "console=ttyS0 quiet nokaslr cryptomgr.notests panic=-1 reboot=a \
understudy.role=redis ip=10.0.2.15/24 gw=10.0.2.2" \
	--net "user,hostfwd=tcp:127.0.0.1:$port-:6379" \
	</dev/null >"$work/console" 2>"$work/said" &
guest=$!
until grep -q "understudy: ready redis" "$work/console"; do
	kill -0 $guest 2>/dev/null || fail "the guest ended early"
	[ $(($(now) - begun)) -lt 120000 ] || fail "the guest does not get ready"
	sleep 0.05
done
say "  ready after $(seconds "$begun")"

[ "$(answer SET motto 'the show goes on')" = OK ] || fail "SET was refused"
say "  GET motto: \"$(answer GET motto)\""
say "  it says it runs on: $(answer INFO server | sed -n 's/^os:\([^\r]*\).*/\1/p')"

say ""
say "redis-benchmark from the host, ten clients:"
redis-benchmark -p "$port" -n 5000 -c 10 -t set,get -q >"$work/speed" 2>&1 || fail "the benchmark failed"
tr '\r' '\n' <"$work/speed" | sed -n 's/^\([SG]ET\): \([0-9]*\)[.0-9]* requests per second.*/  \1  \2 requests a second/p'

say ""
say "The power button:"
begun=$(now)
kill -TERM $guest
status=0
wait $guest || status=$?
guest=
[ $status -eq 0 ] || fail "the guest ended with $status"
say "  powered off after $(seconds "$begun"), exit code 0"
sed -n 's/.*"instructions":\([0-9]*\),"mips":\([0-9]*\).*/\1 \2/p' "$work/said" |
	awk '{ printf "  %.2f billion guest instructions, %d million a second\n", $1 / 1e9, $2 }'
say ""
say "demo: all of it worked; recording, protection and migration are still to come"
