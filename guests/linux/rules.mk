# Guests made of Debian packages: `make guests-linux`.  Nothing is installed; apt-get downloads, and
# all stays below out/guests/linux.
#
#   vmlinuz, vmlinux  Debian's cloud kernel, as it comes and unpacked
#   initramfs.cpio    busybox and modules; roles shell, idle, test, postgres (see init)
#   redis.cpio        the same with Redis; role redis
#   postgres.img      the disk of role postgres

LINUX_OUT := out/guests/linux
LINUX_GUESTS := $(addprefix $(LINUX_OUT)/,vmlinux initramfs.cpio redis.cpio postgres.img)
LINUX_INITRAMFS := $(addprefix guests/linux/,initramfs.sh packages.sh init power_button)

.PHONY: guests-linux
guests-linux: $(LINUX_GUESTS)

$(LINUX_OUT)/vmlinux: guests/linux/kernel.sh guests/linux/packages.sh
	@echo "  LINUX $@"
	@guests/linux/kernel.sh $(LINUX_OUT)

$(LINUX_OUT)/initramfs.cpio: $(LINUX_OUT)/vmlinux $(LINUX_INITRAMFS)
	@echo "  LINUX $@"
	@guests/linux/initramfs.sh $(LINUX_OUT) initramfs

$(LINUX_OUT)/redis.cpio: $(LINUX_OUT)/initramfs.cpio
	@echo "  LINUX $@"
	@guests/linux/initramfs.sh $(LINUX_OUT) redis redis-server /usr/bin/redis-server \
		redis-tools /usr/bin/redis-cli redis-tools /usr/bin/redis-benchmark

# After the others, since they share the folder of downloads.
$(LINUX_OUT)/postgres.img: $(LINUX_OUT)/redis.cpio guests/linux/postgres.sh guests/linux/frozen.c
	@echo "  LINUX $@"
	@guests/linux/postgres.sh $(LINUX_OUT)
