#!/bin/sh
# Every way in which a guest can start and end, and the exit code and line that tell it.
. tests/e2e/lib.sh

# ---- freestanding guests --------------------------------------------------------------------------

run 20 --kernel "$BARE/hello.elf" --debug-exit 0xf4
[ $code -eq 33 ] && said "debug exit"
verdict "debug exit: (0x10 << 1) | 1" $?

run 20 --kernel "$BARE/triple_fault.elf" --debug-exit 0xf4
[ $code -eq 3 ] && said "triple fault"
verdict "triple fault: 3" $?

run 20 --kernel "$BARE/smp2.elf" --cpus 2 --debug-exit 0xf4 --json
[ $code -eq 33 ] && tail -n 1 "$work/said" | jq -e '.reason == "debug exit" and .exit_code == 33 and
	.instructions > 1000 and .guest_seconds > 0 and .mips > 0' >/dev/null
verdict "--json sums a run up" $?

# ---- Debian's kernel ------------------------------------------------------------------------------

run 60 --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio" --mem 256M --json \
	--append "$WORDS understudy.role=test"
[ $code -eq 0 ] && printed "understudy: 1 processors, 2" && said '"powered off"'
verdict "boots with 1 vCPU in 256 MiB, powers off: 0" $?
echo "figure  Debian to user space and off: $(tail -n 1 "$work/said" | jq -r '"\(.guest_seconds) s, " +
	"\(.instructions) instructions, \(.mips) MIPS"' 2>/dev/null)"

run 90 --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio" --mem 6G --cpus 4 \
	--append "$WORDS understudy.role=test"
[ $code -eq 0 ] && printed "understudy: 4 processors, 5"
verdict "boots with 4 vCPUs in 6 GiB" $?

# Nothing is said on the command line but the console, and nothing was prepared but the kernel.
start --kernel "$LINUX/vmlinuz" --initrd "$LINUX/initramfs.cpio" --append console=ttyS0
wait_for 60 "understudy: ready shell" && type_keys 'echo a_$((6 * 7))_b' && wait_for 20 a_42_b &&
	type_keys exit && wait_end 20 && [ $code -eq 0 ]
verdict "untouched bzImage with a stock command line, a shell that answers" $?

start --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio"
wait_for 60 "understudy: ready shell" && press 20 && [ $code -eq 0 ] && said "power button"
verdict "SIGTERM presses the power button: 0" $?

start --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio"
wait_for 60 "PCI:" && kill -TERM "$guest" && sleep 0.2 && press 10
[ $code -eq 5 ] && said "ended from outside"
verdict "a second SIGTERM ends it at once: 5" $?

start --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio" --no-reboot
wait_for 60 "understudy: ready shell" && type_keys "reboot -f" && wait_end 20
[ $code -eq 2 ] && said "reset"
verdict "reset with --no-reboot: 2" $?

start --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio" --json
wait_for 60 "understudy: ready shell" && type_keys "reboot -f"
sleep 1
wait_for 30 "Restarting" && : >"$work/console" && wait_for 60 "understudy: ready shell" && press 20
[ $code -eq 0 ] && said '"lives":2'
verdict "reset: the guest starts again in the same process" $?

truncate -s 4M "$work/one" "$work/two"
start --kernel "$LINUX/vmlinux" --initrd "$LINUX/initramfs.cpio" --cpus 2 --balloon on --seed 1 \
	--console "file:$work/hvc0" --disk "$work/one,queues=2,serial=first" --disk "$work/two,shared" \
	--net none --net none,mac=02:00:00:00:00:07 --rtc 1000000000 --pidfile "$work/pid" --name all
wait_for 60 "understudy: ready shell" && [ "$(cat "$work/pid")" = "$guest" ] &&
	type_keys 'echo have_$(ls /sys/bus/virtio/devices | wc -l)_$(cat /sys/block/vda/serial)_$(date +%Y)_\
$(cat /sys/class/net/eth1/address)_; echo over_$((40 + 2)) >/dev/hvc0; echo done_$((1 + 2))' &&
	wait_for 20 done_3 && printed have_7_first_2001_ && printed 02:00:00:00:00:07_ && press 20 && [ $code -eq 0 ] && grep -q over_42 "$work/hvc0" &&
	[ ! -e "$work/pid" ]
verdict "every device at once" $?
kill_guest

"$UNDERSTUDY" doctor --json >"$work/console" && jq -e 'length > 5 and all(.[]; .seen != "") and
	all(.[]; .ok or (.needed | not))' "$work/console" >/dev/null
verdict "doctor --json" $?

run 60 --kernel "$LINUX/vmlinux" --append "$WORDS"
[ $code -eq 4 ] && said "kernel panic"
verdict "panic that resets: 4" $?

run 60 --kernel "$LINUX/vmlinux" --append "console=ttyS0 quiet nokaslr cryptomgr.notests"
[ $code -eq 4 ] && said "kernel panic"
verdict "panic that stays: 4" $?

finish
