#!/bin/sh
# Two machines must be able to live in one process, so the library may hold no mutable state of its
# own: refuse any object that has a symbol in .data, .bss, .tdata, .tbss or common storage.
# Usage: check_globals.sh OBJECT...
set -eu

# Names that a compiler or a sanitizer adds by itself start with two underscores.
found=$(objdump -t "$@" | awk '
	/file format/ { object = $1; sub(/:$/, "", object); next }
	NF < 5 { next }
	{
		section = $(NF - 2)
		name = $NF
		kind = $(NF - 3)
	}
	section !~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ { next }
	section ~ /^\.data\.rel\.ro/ { next }
	kind == "d" || name ~ /^\.?__/ || name ~ /^\./ || name ~ /^(\.L|gcov)/ { next }
	{ print object ": " name " lives in " section }')

if [ -n "$found" ]; then
	echo "mutable state at file or function scope:"
	echo "$found"
	exit 1
fi
