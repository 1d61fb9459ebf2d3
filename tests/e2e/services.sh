#!/bin/sh
# What people run guests for: Redis and PostgreSQL, used from the host over the network; and what a
# guest costs that does nothing.
. tests/e2e/lib.sh

PGBIN=$(ls -d /usr/lib/postgresql/*/bin "$LINUX"/work/postgres.packages/usr/lib/postgresql/*/bin 2>/dev/null |
	head -n 1)
PATH=$PATH:${PGBIN:-/nowhere}
NET="ip=10.0.2.15/24 gw=10.0.2.2"

# ---- idle -----------------------------------------------------------------------------------------

start --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio" --append "$WORDS understudy.role=idle"
wait_for 60 "understudy: ready idle" && sleep 2
before=$(cpu_ticks)
sleep 5
percent=$((($(cpu_ticks) - before) / 5))
echo "figure  an idle guest: $percent % of a core"
[ $percent -le 20 ] && press 20 && [ $code -eq 0 ]
verdict "an idle guest leaves the host alone" $?
kill_guest

# ---- Redis over user networking -------------------------------------------------------------------

port=$(free_port)
start --kernel "$LINUX/vmlinux" --initrd "$LINUX/redis.cpio" --append "$WORDS understudy.role=redis $NET" \
	--net "user,hostfwd=tcp:127.0.0.1:$port-:6379,dump=$work/redis.pcap"
wait_for 60 "understudy: ready redis"
verdict "Redis starts" $?
answer() {
	redis-cli -p "$port" "$@" 2>&1
}
[ "$(answer SET key value)" = OK ] && [ "$(answer GET key)" = value ] &&
	[ "$(answer INCRBYFLOAT sum 10.5)" = 10.5 ] && [ "$(answer INCRBYFLOAT sum 0.1)" = 10.6 ]
verdict "redis-cli: strings and floats" $?
[ "$(answer EVAL 'local n = 0; for i = 1, 10000 do n = n + i end; return n' 0)" = 50005000 ]
verdict "redis-cli: a script" $?
head -c 2000000 /dev/urandom >"$work/blob"
redis-cli -p "$port" -x SET blob <"$work/blob" >/dev/null &&
	redis-cli -p "$port" --raw GET blob | head -c 2000000 | cmp -s - "$work/blob"
verdict "two megabytes there and back" $?
timeout 600 redis-benchmark -p "$port" -n "${REDIS_REQUESTS:-3000}" -c 10 -t set,get -q >"$work/said-by-benchmark" 2>&1 &&
	grep -q "GET: .*requests per second" "$work/said-by-benchmark"
verdict "redis-benchmark over user networking" $?
tr '\r' '\n' <"$work/said-by-benchmark" | sed -n 's/^\([SG]ET: .*requests per second\).*/figure  user net, \1/p'
press 20 && [ $code -eq 0 ]
verdict "Redis ends with the power button" $?
kill_guest
[ "$(wc -c <"$work/redis.pcap")" -gt 2000000 ] && [ "$(od -An -tx4 -N4 "$work/redis.pcap" | tr -d ' ')" = \
	a1b2c3d4 ]
verdict "dump= holds the packets" $?

# ---- Redis over a tap -----------------------------------------------------------------------------

tap=ust$(($$ % 100000))
if ip tuntap add "$tap" mode tap 2>/dev/null && ip addr add 10.77.7.1/24 dev "$tap" &&
	ip link set "$tap" up; then
	start --kernel "$LINUX/vmlinux" --initrd "$LINUX/redis.cpio" --net "tap:$tap" \
		--append "$WORDS understudy.role=redis ip=10.77.7.2/24"
	wait_for 60 "understudy: ready redis" &&
		[ "$(redis-cli -h 10.77.7.2 SET key value 2>&1)" = OK ] &&
		timeout 600 redis-benchmark -h 10.77.7.2 -n "${REDIS_REQUESTS:-3000}" -c 10 -t set,get -q \
			>"$work/said-by-benchmark" 2>&1
	verdict "redis-benchmark over a tap" $?
	tr '\r' '\n' <"$work/said-by-benchmark" |
		sed -n 's/^\([SG]ET: .*requests per second\).*/figure  tap, \1/p'
	ip link del "$tap"
	sleep 1
	type_keys ""
	# on its way out the interface may be seen to be down, which is a line of its own
	[ "$(grep -c "$tap.*has gone" "$work/said")" -eq 1 ] && kill -0 "$guest"
	verdict "a NIC that goes away: $(grep "$tap.*gone" "$work/said" | sed 's/.*: //')" $?
	press 20 && [ $code -eq 0 ]
	verdict "the guest outlives its NIC" $?
	kill_guest
else
	skip "Redis over a tap" "no right to make one"
fi

# ---- PostgreSQL on a disk -------------------------------------------------------------------------

# Debian keeps pgbench with the server, which a host of guests need not have: the guest's own will do.
pgbench=$(ls "$LINUX"/work/postgres.packages/usr/lib/postgresql/*/bin/pgbench 2>/dev/null | head -n 1)
if [ -z "$pgbench" ] || ! command -v psql >/dev/null; then
	skip "PostgreSQL" "no pgbench or no psql"
	finish
fi
disk=$(disk_of "$LINUX/postgres.img")
port=$(free_port)
start_postgres() {
	start --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio" --mem 1G --disk "$disk" \
		--append "$WORDS understudy.role=postgres $NET" \
		--net "user,hostfwd=tcp:127.0.0.1:$port-:5432"
	wait_for 120 "understudy: ready postgres"
}
ask() {
	psql -qAt -h 127.0.0.1 -p "$port" -U postgres -c "$1" postgres 2>&1
}
start_postgres
verdict "PostgreSQL starts on its disk" $?
"$pgbench" -h 127.0.0.1 -p "$port" -U postgres -i -s 1 -q postgres >"$work/said-by-benchmark" 2>&1
verdict "pgbench -i" $?
"$pgbench" -h 127.0.0.1 -p "$port" -U postgres -c 2 -t "${PGBENCH_TRANSACTIONS:-100}" postgres \
	>"$work/said-by-benchmark" 2>&1
verdict "pgbench, two clients" $?
sed -n 's/^\(tps = [0-9.]*\).*/figure  pgbench TPC-B: \1/p' "$work/said-by-benchmark"
sum=$(ask "select sum(abalance), count(*) from pgbench_accounts")
history=$(ask "select count(*) from pgbench_history")
press 60 && [ $code -eq 0 ]
verdict "PostgreSQL ends with the power button" $?
kill_guest
e2fsck -fn "$disk" >"$work/said" 2>&1
verdict "e2fsck finds the disk clean" $?
start_postgres
[ "$(ask "select sum(abalance), count(*) from pgbench_accounts")" = "$sum" ] &&
	[ "$(ask "select count(*) from pgbench_history")" = "$history" ] && [ "$history" -gt 0 ]
verdict "second boot: the data is there ($history transactions)" $?
press 60 && [ $code -eq 0 ]
verdict "second end" $?
kill_guest
e2fsck -fn "$disk" >"$work/said" 2>&1
verdict "e2fsck finds the disk clean again" $?

finish
