# Sourced by the other scripts here: Debian packages, downloaded by apt and unpacked, never
# installed.  Only names are said here; which versions they are is apt's to know.
#
# WORK: the folder for everything that can be thrown away.

umask 022

die() {
	echo "guests/linux: $*" >&2
	exit 1
}

# Fetches the lists of packages, for when they are old or not there.
refresh_lists() {
	as_root=
	[ "$(id -u)" = 0 ] || as_root="sudo -n"
	$as_root apt-get -qq update || die "apt-get cannot fetch the lists of packages"
}

# The package with a version in its name that PACKAGE depends on: linux-image-cloud-amd64
# linux-image- gives linux-image-6.1.0-...
depends_on() {
	apt-cache depends --no-recommends --no-suggests "$1" 2>/dev/null |
		sed -n "s/^ *Depends: \(${2}.*\)/\1/p" | head -n 1
}

# All packages that the given ones need and that hold libraries, themselves left out.
# Compilers and language runtimes that only plug-ins use stay away.
libraries_of() {
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
		--no-replaces --no-enhances --no-pre-depends "$@" |
		grep -E '^(lib[a-z0-9.+-]*|zlib1g)$' | grep -Ev '^lib(llvm|perl|python|tcl|clang)' | sort -u
}

# The file of a package that has been downloaded.
deb_of() {
	set -- "$WORK/debs/${1}_"*.deb
	echo "$1"
}

apt_download() {
	(cd "$WORK/debs" && apt-get -qq -o APT::Sandbox::User= download "$@")
}

download() {
	apt_download "$@" 2>"$WORK/apt.log" && return
	refresh_lists
	apt_download "$@" || die "apt-get cannot download $*"
}

# unpack TREE PACKAGE...: downloads what is not there yet and unpacks into TREE.
unpack() {
	into=$1
	shift
	mkdir -p "$WORK/debs" "$into"
	missing=
	for package in "$@"; do
		[ -e "$(deb_of "$package")" ] || missing="$missing $package"
	done
	[ -z "$missing" ] || download $missing
	for package in "$@"; do
		dpkg-deb -x "$(deb_of "$package")" "$into" ||
			die "package $package cannot be unpacked"
	done
}

# needed FILE: the libraries that an ELF file names.
needed() {
	objdump -p "$1" 2>/dev/null | sed -n 's/^ *NEEDED *//p'
}

# copy_program FROM TO PATH...: programs, links among them followed to their targets, with the
# libraries they need and the dynamic linker, from one tree to another at the same places.
copy_program() {
	from=$1 to=$2
	shift 2
	set -- /lib64/ld-linux-x86-64.so.2 "$@"
	while [ $# -gt 0 ]; do
		path=$1
		shift
		[ ! -e "$to$path" ] || continue
		[ -e "$from$path" ] || die "$path is in none of the packages"
		mkdir -p "$to$(dirname "$path")"
		cp -L "$from$path" "$to$path"
		for library in $(needed "$from$path"); do
			file=$(cd "$from" && find lib lib64 usr/lib -name "$library" 2>/dev/null |
				sort | head -n 1)
			[ -n "$file" ] || die "$path needs $library, which is in none of the packages"
			set -- "$@" "/$file"
		done
	done
}

# pack TREE FILE: a cpio archive that depends on names, modes and contents alone.
pack() {
	find "$1" -exec touch -h -d @0 {} +
	(cd "$1" && find . | LC_ALL=C sort |
		"$BUSYBOX" cpio -o -H newc -R 0:0 --renumber-inodes --ignore-devno 2>/dev/null) >"$2.new"
	mv "$2.new" "$2"
}
