#!/bin/sh
# Install the Debian packages that building and testing need, and only those that are missing.
# `deps.sh bench` adds QEMU, which the benchmarks compare with and the lab runs in, and what packs the lab:
# their absence is no error.
set -eu

needed="gcc make binutils pkg-config libxxhash-dev liblz4-dev libcmocka-dev libjansson-dev liburing-dev
	libslirp-dev libpcap-dev iproute2 jq redis-tools postgresql-client
	e2fsprogs python3-minimal lz4 acpica-tools clang libclang-rt-14-dev clang-format"
compared=
if [ "${1:-}" = bench ]; then
	compared="qemu-system-x86 cpio xz-utils"
fi

missing_of() {
	for package in "$@"; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || printf '%s ' "$package"
	done
}

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "deps: not a Debian system; please provide:" $needed
	exit 0
fi

missing=$(missing_of $needed)
absent=$(missing_of $compared)
if [ -z "$missing$absent" ]; then
	echo "deps: nothing is missing"
	exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root="sudo DEBIAN_FRONTEND=noninteractive"
fi
export DEBIAN_FRONTEND=noninteractive

echo "deps: installing $missing$absent"
$as_root apt-get update -qq || echo "deps: the package lists could not be refreshed"
if [ -n "$missing" ]; then
	$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ -n "$absent" ]; then
	$as_root apt-get install -y -qq --no-install-recommends $absent >/dev/null ||
		echo "deps: $absent could not be installed; the comparison will say absent"
fi
