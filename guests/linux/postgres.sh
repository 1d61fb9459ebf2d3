#!/bin/sh
# postgres.sh OUT: OUT/postgres.img, an ext4 disk with a PostgreSQL server, its libraries and a
# cluster that initdb has made here, for guests with understudy.role=postgres.
#
# PostgreSQL refuses to run as root, so initdb runs as user number 70 (in a user namespace, where
# the building user is not root), within the tree that becomes the disk.  frozen.c gives it, and the tools that make the
# disk, a world in which time and chance stand still.  The tree is copied in the order of its names:
# the same packages give the same bytes.
set -eu
mkdir -p "$1"
OUT=$(cd "$1" && pwd)
WORK=$OUT/work
. guests/linux/packages.sh

SIZE=${POSTGRES_DISK_SIZE:-512M}
USER_ID=70

server=$(depends_on postgresql postgresql-)
[ -n "$server" ] || die "apt knows no postgresql"
version=${server#postgresql-}
home=/usr/lib/postgresql/$version
unpacked=$WORK/postgres.packages
tree=$WORK/postgres.tree
rm -rf "$tree"
mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/tmp" "$tree/etc" "$tree/var/lib/postgres" \
	"$tree/usr/share/postgresql" "$tree/var/run/postgresql"
chmod 1777 "$tree/tmp"
unpack "$unpacked" "$server" "postgresql-client-$version" tzdata \
	$(libraries_of "$server" "postgresql-client-$version")

programs=
for name in postgres initdb pg_resetwal pg_isready pg_controldata psql pgbench; do
	programs="$programs $home/bin/$name"
done
for file in "$unpacked$home/lib/"*.so; do
	case $file in
	*/llvmjit.so) ;;
	*) programs="$programs $home/lib/${file##*/}" ;;
	esac
done
copy_program "$unpacked" "$tree" $programs
cp -r "$unpacked/usr/share/postgresql/$version" "$tree/usr/share/postgresql/$version"
rm -rf "$tree/usr/share/postgresql/$version/man"
cp -r "$unpacked/usr/share/zoneinfo" "$tree/usr/share/zoneinfo"
ln -s "$home/bin" "$tree/postgres"

unpack "$WORK/busybox" busybox-static
cp "$WORK/busybox/bin/busybox" "$tree/bin/busybox"
for name in sh su; do
	ln -s busybox "$tree/bin/$name"
done
cat >"$tree/etc/passwd" <<END
root:x:0:0:root:/:/bin/sh
postgres:x:$USER_ID:$USER_ID:postgres:/var/lib/postgres:/bin/sh
END
echo "postgres:x:$USER_ID:" >"$tree/etc/group"
cat >"$tree/bin/start_postgres" <<END
#!/bin/sh
exec su postgres -s /bin/sh -c 'exec /postgres/postgres -D /var/lib/postgres/data'
END
cat >"$tree/bin/postgres_ready" <<END
#!/bin/sh
exec /postgres/pg_isready -q -h 127.0.0.1 -U postgres
END
chmod 755 "$tree/bin/start_postgres" "$tree/bin/postgres_ready"

# ---- the cluster ----

${CC:-cc} -O2 -shared -fPIC -o "$WORK/frozen.so" guests/linux/frozen.c
cp "$WORK/frozen.so" "$tree/tmp/frozen.so"
cat >"$WORK/initdb.sh" <<END
set -e
run() {
	setarch -R \$inner \\
		/bin/busybox env -i LD_PRELOAD=/tmp/frozen.so PATH=/bin TZ=UTC LANG=C "\$@"
}
run $home/bin/initdb -D /var/lib/postgres/data --locale=C --encoding=UTF8 \\
	--username=postgres --auth=trust --no-sync
run $home/bin/pg_resetwal -D /var/lib/postgres/data
END
# As root it is enough to become somebody else; without, a user namespace has other users.
if [ "$(id -u)" = 0 ]; then
	chown "$USER_ID:$USER_ID" "$tree/var/lib/postgres"
	cp -a /dev/null /dev/zero /dev/urandom "$tree/dev/"
	mkdir -m 1777 "$tree/dev/shm"
	inner="chroot --userspec=$USER_ID:$USER_ID $tree" sh "$WORK/initdb.sh"
else
	inner="unshare --user --map-user=$USER_ID --map-group=$USER_ID --root=$tree --wd=/" \
		unshare --user --map-root-user --mount \
		sh -c "mount --rbind /dev '$tree/dev' && sh '$WORK/initdb.sh'"
fi >"$WORK/initdb.log" 2>&1 ||
	die "initdb failed (without root it needs user namespaces): $(tail -n 1 "$WORK/initdb.log")"
rm -rf "$tree/dev/null" "$tree/dev/zero" "$tree/dev/urandom" "$tree/dev/shm"
data=$tree/var/lib/postgres/data
# Caches that the server makes again, with addresses in them.
find "$data" -name pg_internal.init -exec rm {} +
rm "$tree/tmp/frozen.so"
cat >>"$data/postgresql.conf" <<END
listen_addresses = '*'
jit = off
shared_buffers = 32MB
END
echo 'host all all 0.0.0.0/0 trust' >>"$data/pg_hba.conf"

# ---- the disk ----

# What debugfs has to do to copy the tree.  All belongs to root but for the cluster and its socket.
disk_commands() {
	(cd "$tree" && find . -mindepth 1 -type d | LC_ALL=C sort) | sed 's/^\.\(.*\)/mkdir \1/'
	(cd "$tree" && find . -type f | LC_ALL=C sort) |
		while read -r path; do
			echo "write \"$tree/${path#./}\" ${path#.}"
		done
	(cd "$tree" && find . -type l -printf 'symlink %p %l\n' | LC_ALL=C sort) |
		sed 's/^symlink \./symlink /'
	(cd "$tree" && find . -mindepth 1 -type d -printf 'set_inode_field %p mode 04%04m\n' |
		LC_ALL=C sort) | sed 's/^set_inode_field \./set_inode_field /'
	for field in uid gid; do
		(cd "$tree" && find ./var/lib/postgres ./var/run/postgresql | LC_ALL=C sort) |
			sed "s/^\.\(.*\)/set_inode_field \1 $field $USER_ID/"
	done
}

disk=$OUT/postgres.img.new
rm -f "$disk"
truncate -s "$SIZE" "$disk"
disk_commands >"$WORK/disk.commands"
LD_PRELOAD=$WORK/frozen.so mke2fs -q -t ext4 -L postgres \
	-U 00000000-0000-4000-8000-000000000070 \
	-E root_owner=0:0,hash_seed=00000000-0000-4000-8000-000000000071 "$disk"
LD_PRELOAD=$WORK/frozen.so debugfs -w -f "$WORK/disk.commands" "$disk" >"$WORK/debugfs.log" 2>&1
! grep -v -e '^debugfs' -e '^Allocated inode' "$WORK/debugfs.log" >&2 ||
	die "debugfs could not copy the tree"
e2fsck -fn "$disk" >"$WORK/e2fsck.log" 2>&1 || die "the new disk is not clean: see $WORK/e2fsck.log"
mv "$disk" "$OUT/postgres.img"
