#!/bin/sh
# No row of the opcode table may be untested. Says for each how it is tested:
#
#   native N   compared with the host CPU in N cases that agreed
#   guest N    executed N times by guests that check themselves
#   unit NAME  by a unit test that tests/coverage.def names
#
#   coverage.sh NATIVE GUESTS LIST OUT
#
# NATIVE is what `diff --coverage` wrote, GUESTS what the guest runner's --coverage wrote, LIST is
# tests/coverage.def; the list of all rows goes to OUT. Fails when a row is not tested, when LIST
# names a test that does not exist or does not mention the instruction, or a row that does not exist.
set -eu
[ $# -eq 4 ] || { echo "usage: coverage.sh NATIVE GUESTS LIST OUT" >&2; exit 2; }

# Fewer cases than this leave too many operand forms untried.
enough=20

awk -F '\t' -v enough=$enough '
BEGIN { out = ARGV[4]; ARGC = 4 }
FILENAME == ARGV[1] {
	rows++
	name[rows] = $2; text[rows] = $3; native[rows] = $4
	index_of[$1] = rows; row_of[$2 "\t" $3] = rows
	next
}
FILENAME == ARGV[2] {
	split($0, part, " ")
	guest[index_of[part[1]]] += part[3]
	next
}
/^#/ || /^$/ { next }
{
	row = row_of[$1 "\t" $2]
	if (!row) {
		print FILENAME ": no row " $1 " " $2
		bad = 1
	}
	file = "tests/" $3 ".c"
	found = 0; mentioned = 0
	while ((getline line < file) > 0) {
		found = 1
		if (index(tolower(line), $1))
			mentioned = 1
	}
	close(file)
	if (!found || !mentioned) {
		print FILENAME ": " file (found ? " does not mention " $1 : " does not exist")
		bad = 1
	}
	unit[row] = $3
}
END {
	for (r = 1; r <= rows; r++) {
		how = ""
		if (native[r] >= enough) how = how " native " native[r]
		if (guest[r]) how = how " guest " guest[r]
		if (unit[r]) how = how " " unit[r]
		printf "%-12s %-22s%s\n", name[r], text[r], how >out
		if (how == "") {
			print "not tested: " name[r] " " text[r] " (" native[r] + 0 " native cases)"
			bad = 1
		}
	}
	print rows " rows" (bad ? "" : ", none untested")
	exit bad
}' "$1" "$2" "$3" "$4"
