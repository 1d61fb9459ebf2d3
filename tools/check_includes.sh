#!/bin/sh
# Hold the include table of the house: includes point inward. Run from the root of the repository.
#
#   room          may include
#   core/base     core/base
#   core (files)  core/base, core
#   core/x86      the above, core/x86          core/device and core/host likewise: not each other
#   core/engine   core/base, core, core/x86, core/engine
#   core/machine  all of core
#   transport     core/base, transport
#   checkpoint    core, checkpoint
#   replay        core, replay; replay/timeline* also checkpoint
#   ft-daemon     all of the above
#   tools         headers of all of the above, tools
#   tests         everything
#   guests        guests (freestanding)
#
# Further: "..." includes are written from the root and name a header that exists; nobody includes a
# .c file; xxHash is used in core/base alone, and host clocks are read by core/base/host_time.c alone.
set -eu

folders=
for folder in core transport checkpoint replay ft-daemon tools tests guests; do
	[ ! -d "$folder" ] || folders="$folders $folder"
done
files=$(find $folders -name '*.[chS]' | sort)
[ -n "$files" ] || exit 0

awk '
function room_of(path) {
	if (path ~ /^core\/base\//) return "base"
	if (path ~ /^core\/x86\//) return "x86"
	if (path ~ /^core\/device\//) return "device"
	if (path ~ /^core\/host\//) return "host"
	if (path ~ /^core\/engine\//) return "engine"
	if (path ~ /^core\/machine[.\/_]/) return "machine"
	if (path ~ /^core\/[^\/]*$/) return "services"
	if (path ~ /^replay\/timeline/) return "timeline"
	if (match(path, /^[^\/]*\//)) return substr(path, 1, RLENGTH - 1)
	return "nowhere"
}
function complain(text) {
	print FILENAME ":" FNR ": " text
	bad = 1
}
BEGIN {
	core = " base services x86 device host engine machine "
	all = core " transport checkpoint replay timeline ft-daemon "
	may["base"] = " base "
	may["services"] = " base services "
	may["x86"] = " base services x86 "
	may["device"] = " base services device "
	may["host"] = " base services host "
	may["engine"] = " base services x86 engine "
	may["machine"] = core
	may["transport"] = " base transport "
	may["checkpoint"] = core " checkpoint "
	may["replay"] = core " replay timeline "
	may["timeline"] = core " replay timeline checkpoint "
	may["ft-daemon"] = all
	may["tools"] = all " tools "
	may["tests"] = all " tools tests guests "
	may["guests"] = " guests "
}
FNR == 1 { room = room_of(FILENAME) }
room != "tests" && FILENAME != "core/base/host_time.c" &&
/(^|[^a-z_])(clock_gettime|clock_nanosleep|gettimeofday|time|__rdtsc|_rdtsc)\(/ &&
!/^[ \t]*(\*|\/\*|\/\/)/ {
	if (room != "guests")
		complain("reads a host clock; only core/base/host_time.c may")
}
/^[ \t]*#[ \t]*include[ \t]*<xxh/ && room != "base" {
	complain("uses xxHash directly; go through core/base/checksum.h")
}
/^[ \t]*#[ \t]*include[ \t]*<linux\/kvm/ && FILENAME !~ /^core\/engine\/kvm\// && room != "tests" {
	complain("speaks to KVM outside core/engine/kvm")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	name = part[2]
	if (name !~ /\// || name ~ /^\.\.?\//) {
		complain("\"" name "\" is not written from the root")
		next
	}
	if (name ~ /\.c$/) {
		complain("includes " name ", which is not a header")
		next
	}
	if ((getline line < name) < 0)
		complain("\"" name "\" does not exist")
	close(name)
	if (!index(may[room], " " room_of(name) " "))
		complain(room " may not include " name)
}
END { exit bad }' $files
