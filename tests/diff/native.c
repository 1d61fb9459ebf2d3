/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a case runs on the host CPU.
 *
 * The child never leaves its signal handler for long.  The handler writes the initial state of a
 * case into its own signal frame and returns: the kernel's sigreturn loads every register, flags,
 * x87, SSE, and code and stack segments included.  Whatever the case does ends in an exception,
 * if only the INT3 that fills the code pages, and so in the handler again, which reads the final
 * state from the frame.  One signal per case, and nothing of ours in between.
 *
 * What sigreturn does not load, the entry stub does: DS ES FS GS, the FS and GS bases, and the
 * NT and ID flags.  The stub also makes C code possible again: FS base is the C library's thread
 * pointer, and AC would fault on the first unaligned access.
 *
 * A stray jump into the middle of an instruction could make a system call; a seccomp filter
 * leaves the child only the few that it needs.
 */
#include "tests/diff/native.h"

#include "core/x86/flags.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <asm/ldt.h>

#define ALT_STACK_BYTES	 (64u << 10)
#define WATCHDOG_MS	 20
#define HWCAP2_FSGSBASE_ (1u << 1)
#define UC_SS_BITS	 6u /* UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS: sigreturn loads SS as given */
#define FRAME_XSTATE_BV	 512
#define FLAGS_BY_STUB	 (X86_NT | X86_ID)
#define FLAGS_BY_FRAME	 0x50dd5u /* what the kernel's sigreturn takes from the frame */
/* Between the arena and the program nothing may be mapped. */
#define LOW_MEMORY     (ARENA_BASE + 9 * ARENA_PAGE_BYTES)
#define LOW_MEMORY_END 0x200000000000u
#define NO_SANITIZE    __attribute__((no_sanitize("address", "undefined")))

/* Registers that the stub saves on entry and loads on exit. */
struct stub_regs {
	uint64_t es, ds, fs, gs, fs_base, gs_base;
	uint64_t own_fs_base, flags;
};

struct stub_regs diff_native_regs __attribute__((visibility("hidden")));
void diff_native_entry(int sig, siginfo_t *info, void *context);
void diff_native_signal(int sig, siginfo_t *info, void *context);

/* Offsets are those of struct stub_regs; 0x44000 is NT and AC; 0x204000 is FLAGS_BY_STUB. */
__asm__(".text\n"
	".globl diff_native_entry\n"
	".hidden diff_native_entry\n"
	".type diff_native_entry, @function\n"
	"diff_native_entry:\n"
	"	pushfq\n"
	"	andl $~0x44000, (%rsp)\n"
	"	popfq\n"
	"	lea diff_native_regs(%rip), %rcx\n"
	"	mov %es, %eax\n"
	"	mov %rax, 0(%rcx)\n"
	"	mov %ds, %eax\n"
	"	mov %rax, 8(%rcx)\n"
	"	mov %fs, %eax\n"
	"	mov %rax, 16(%rcx)\n"
	"	mov %gs, %eax\n"
	"	mov %rax, 24(%rcx)\n"
	"	rdfsbase %rax\n"
	"	mov %rax, 32(%rcx)\n"
	"	rdgsbase %rax\n"
	"	mov %rax, 40(%rcx)\n"
	"	mov 48(%rcx), %rax\n"
	"	wrfsbase %rax\n"
	"	sub $8, %rsp\n"
	"	call diff_native_signal\n"
	"	add $8, %rsp\n"
	"	lea diff_native_regs(%rip), %rcx\n"
	"	mov 0(%rcx), %es\n"
	"	mov 8(%rcx), %ds\n"
	"	mov 16(%rcx), %fs\n"
	"	mov 24(%rcx), %gs\n"
	"	mov 32(%rcx), %rax\n"
	"	wrfsbase %rax\n"
	"	mov 40(%rcx), %rax\n"
	"	wrgsbase %rax\n"
	"	pushfq\n"
	"	andl $~0x204000, (%rsp)\n"
	"	mov 56(%rcx), %rax\n"
	"	or %rax, (%rsp)\n"
	"	popfq\n"
	"	ret\n"
	".size diff_native_entry, .-diff_native_entry\n");

/* The child's own state: a signal handler can be given no argument. */
static struct {
	struct native_batch *batch;
	uint8_t *code; /* the code pages, writable */
	int from_parent, to_parent;
	bool started;
	uint64_t n_ended, n_ended_at_tick;
} child;

/* Once the child has given up the sanitizers' memory it must not call into the C library, whose
 * functions they may have replaced. */
NO_SANITIZE static long raw_call(long number, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t r10 __asm__("r10") = 0;
	register uint64_t r8 __asm__("r8") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

NO_SANITIZE static void child_wait_for_batch(void)
{
	char byte;

	if (raw_call(SYS_read, (uint64_t)child.from_parent, (uintptr_t)&byte, 1) != 1)
		raw_call(SYS_exit_group, 0, 0, 0);
}

NO_SANITIZE static void child_report_batch(void)
{
	char byte = 0;

	if (raw_call(SYS_write, (uint64_t)child.to_parent, (uintptr_t)&byte, 1) != 1)
		raw_call(SYS_exit_group, 0, 0, 0);
}

NO_SANITIZE static void copy(void *to, const void *from, size_t n_bytes)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n_bytes) : : "memory");
}

static const int greg_order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
				   REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
				   REG_R12, REG_R13, REG_R14, REG_R15};

NO_SANITIZE static void save_result(const ucontext_t *uc, struct diff_result *r)
{
	const greg_t *g = uc->uc_mcontext.gregs;
	const struct stub_regs *seen = &diff_native_regs;
	struct case_state *s = &r->out;

	for (unsigned n = 0; n < 16; n++)
		s->gpr[n] = (uint64_t)g[greg_order[n]];
	s->rip = (uint64_t)g[REG_RIP];
	s->rflags = (uint64_t)g[REG_EFL];
	s->sel[0] = (uint16_t)seen->es;
	s->sel[1] = (uint16_t)g[REG_CSGSFS];
	s->sel[2] = (uint16_t)(g[REG_CSGSFS] >> 48);
	s->sel[3] = (uint16_t)seen->ds;
	s->sel[4] = (uint16_t)seen->fs;
	s->sel[5] = (uint16_t)seen->gs;
	s->fs_base = seen->fs_base;
	s->gs_base = seen->gs_base;
	copy(&s->fx, uc->uc_mcontext.fpregs, sizeof(s->fx));
	r->vector = (uint8_t)g[REG_TRAPNO];
	r->error = (uint32_t)g[REG_ERR];
	r->cr2 = r->vector == 14 ? (uint64_t)g[REG_CR2] : 0;
	copy(r->data, (const void *)(uintptr_t)ARENA_DATA, ARENA_DATA_BYTES);
	copy(r->scratch, (const void *)(uintptr_t)ARENA_SCRATCH, CASE_SCRATCH_BYTES);
}

NO_SANITIZE static void load_case(ucontext_t *uc, const struct diff_case *c)
{
	const struct case_state *s = &c->in;
	greg_t *g = uc->uc_mcontext.gregs;
	struct stub_regs *next = &diff_native_regs;
	uint8_t *frame = (uint8_t *)uc->uc_mcontext.fpregs;

	copy((void *)(uintptr_t)ARENA_DATA, c->data, ARENA_DATA_BYTES);
	copy((void *)(uintptr_t)ARENA_SCRATCH, c->scratch, CASE_SCRATCH_BYTES);
	copy(child.code + c->code_at, c->code, c->n_code_bytes);
	for (unsigned n = 0; n < 16; n++)
		g[greg_order[n]] = (greg_t)s->gpr[n];
	g[REG_RIP] = (greg_t)s->rip;
	g[REG_EFL] = (greg_t)(s->rflags & FLAGS_BY_FRAME);
	g[REG_CSGSFS] = (greg_t)((uint64_t)s->sel[2] << 48 | s->sel[1]);
	uc->uc_flags |= UC_SS_BITS;
	next->es = s->sel[0];
	next->ds = s->sel[3];
	next->fs = s->sel[4];
	next->gs = s->sel[5];
	next->fs_base = s->fs_base;
	next->gs_base = s->gs_base;
	next->flags = s->rflags & FLAGS_BY_STUB;
	copy(frame, &s->fx, sizeof(s->fx));
	frame[FRAME_XSTATE_BV] |= 3; /* x87 and SSE are not in their initial state */
}

NO_SANITIZE static void fill_code(uint8_t *at, unsigned n_bytes)
{
	for (unsigned n = 0; n < n_bytes; n++)
		((volatile uint8_t *)at)[n] = ARENA_FILL;
}

/* Puts the next case into the frame, waiting for the next batch when this one is done. */
NO_SANITIZE static void next_case(ucontext_t *uc)
{
	while (child.batch->running == child.batch->n_cases) {
		child_report_batch();
		child_wait_for_batch();
	}
	load_case(uc, &child.batch->cases[child.batch->running]);
}

NO_SANITIZE static void end_case(ucontext_t *uc, enum case_end end)
{
	uint32_t n = child.batch->running;
	struct diff_result *r = &child.batch->results[n];
	const struct diff_case *c = &child.batch->cases[n];

	save_result(uc, r);
	r->end = (uint8_t)end;
	fill_code(child.code + c->code_at, c->n_code_bytes);
	child.n_ended++;
	child.batch->running = n + 1;
	next_case(uc);
}

NO_SANITIZE void diff_native_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	diff_native_regs.flags = (uint64_t)uc->uc_mcontext.gregs[REG_EFL] & FLAGS_BY_STUB;
	if (!child.started) {
		child.started = true;
		next_case(uc);
		return;
	}
	switch (sig) {
	case SIGPROF:
		if (child.n_ended == child.n_ended_at_tick)
			end_case(uc, END_TIMEOUT);
		child.n_ended_at_tick = child.n_ended;
		break;
	case SIGSYS: end_case(uc, END_ODD); break;
	default: end_case(uc, END_TRAP);
	}
}

NO_SANITIZE static void child_forbid_system_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (raw_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0) == 0)
		raw_call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (uintptr_t)&program);
}

/* Code of a case that strays must find nothing mapped that the software side does not have.  What
 * lies low in a sanitized process is the sanitizer's shadow. */
NO_SANITIZE static void child_drop_low_memory(void)
{
	if ((uintptr_t)child_drop_low_memory > LOW_MEMORY_END)
		raw_call(SYS_munmap, LOW_MEMORY, LOW_MEMORY_END - LOW_MEMORY, 0);
}

static bool map_at(uint64_t where, size_t n_bytes, int rights, int fd, off_t offset)
{
	void *want = (void *)(uintptr_t)where;
	void *got = mmap(want, n_bytes, rights, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd,
			 offset);

	return got == want;
}

static bool child_map_arena(void)
{
	const int rx = PROT_READ | PROT_EXEC, rw = PROT_READ | PROT_WRITE;
	int fd = memfd_create("arena", 0);
	off_t data = ARENA_CODE_BYTES, constants = data + ARENA_DATA_BYTES,
	      scratch = constants + ARENA_PAGE_BYTES;

	if (fd < 0 || ftruncate(fd, scratch + ARENA_PAGE_BYTES) != 0)
		return false;
	child.code = mmap(NULL, ARENA_CODE_BYTES, rw, MAP_SHARED, fd, 0);
	if (child.code == MAP_FAILED)
		return false;
	fill_code(child.code, ARENA_CODE_BYTES);
	if (pwrite(fd, child.batch->constants, ARENA_PAGE_BYTES, constants) != ARENA_PAGE_BYTES)
		return false;
	return map_at(ARENA_CODE, ARENA_CODE_BYTES, rx, fd, 0) &&
	       map_at(ARENA_DATA, ARENA_DATA_BYTES, rw, fd, data) &&
	       map_at(ARENA_CONST, ARENA_PAGE_BYTES, PROT_READ, fd, constants) &&
	       map_at(ARENA_SCRATCH, ARENA_PAGE_BYTES, rw, fd, scratch) &&
	       map_at(ARENA_HIGH, ARENA_DATA_BYTES, rw, fd, data) &&
	       map_at(ARENA_HIGH + ARENA_DATA_BYTES, ARENA_PAGE_BYTES, PROT_READ, fd, constants);
}

/* LDT entry 0: 16-bit code, entry 1: 16-bit data, both from 0 to FFFF. */
static void child_set_ldt(void)
{
	struct user_desc d = {.limit = 0xffff, .contents = 2};

	if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)) != 0)
		return;
	d.entry_number = 1;
	d.contents = 0;
	syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
}

static bool child_catch_signals(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGPROF};
	struct itimerval tick = {{0, WATCHDOG_MS * 1000}, {0, WATCHDOG_MS * 1000}};
	stack_t stack = {.ss_size = ALT_STACK_BYTES};
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};

	stack.ss_sp = mmap(NULL, ALT_STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0)
		return false;
	action.sa_sigaction = diff_native_entry;
	sigfillset(&action.sa_mask);
	for (unsigned n = 0; n < sizeof(signals) / sizeof(signals[0]); n++)
		if (sigaction(signals[n], &action, NULL) != 0)
			return false;
	return setitimer(ITIMER_PROF, &tick, NULL) == 0;
}

NO_SANITIZE static _Noreturn void child_main(void)
{
	child.n_ended_at_tick = UINT64_MAX;
	__asm__ volatile("rdfsbase %0" : "=r"(diff_native_regs.own_fs_base));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!child_map_arena() || !child_catch_signals())
		_exit(1);
	child_set_ldt();
	child_drop_low_memory();
	child_forbid_system_calls();
	child_wait_for_batch();
	__asm__ volatile("int3");
	__builtin_unreachable();
}

/* The n-th of the CPUs that this process may use, beginning again after the last. */
static int choose_cpu(unsigned n)
{
	cpu_set_t set;
	int cpu = -1;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (unsigned k = n % (unsigned)CPU_COUNT(&set) + 1; k; k--)
		do
			cpu++;
		while (!CPU_ISSET(cpu, &set));
	return cpu;
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool spawn(struct native *n)
{
	int down[2], up[2];

	if (pipe(down) != 0)
		return false;
	if (pipe(up) != 0) {
		close(down[0]);
		close(down[1]);
		return false;
	}
	n->child = fork();
	if (n->child == 0) {
		close(down[1]);
		close(up[0]);
		child.batch = n->batch;
		stay_on(n->cpu);
		child.from_parent = down[0];
		child.to_parent = up[1];
		child_main();
	}
	close(down[0]);
	close(up[1]);
	n->to_child = down[1];
	n->from_child = up[0];
	return n->child > 0;
}

static int reap(struct native *n)
{
	int status = 0;

	close(n->to_child);
	close(n->from_child);
	if (n->child > 0)
		waitpid(n->child, &status, 0);
	n->child = 0;
	return status;
}

/* A case of one INT3, to see whether such code can be run at all. */
static void probe_case(struct diff_case *c, unsigned code_bytes, uint16_t cs, uint16_t ss)
{
	memset(c, 0, sizeof(*c));
	c->code_bytes = (uint8_t)code_bytes;
	c->n_code_bytes = 1;
	c->code[0] = ARENA_FILL;
	c->in.rip = ARENA_CODE;
	c->in.gpr[4] = ARENA_DATA + 64;
	c->in.rflags = X86_IF | X86_FLAG_1;
	c->in.sel[1] = cs;
	c->in.sel[2] = ss;
	c->in.fx.control = 0x37f;
	c->in.fx.mxcsr = 0x1f80;
}

static bool probe_passed(const struct diff_result *r, uint16_t cs)
{
	return r->end == END_TRAP && r->vector == 3 && r->out.sel[1] == cs &&
	       r->out.rip == ARENA_CODE + 1;
}

/* AMD from family 17H on, which core/x86/alu.h follows in flags that the manuals leave undefined. */
static bool has_same_flags(void)
{
	unsigned a, b, c, d, family;

	if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx)
		return false;
	__get_cpuid(1, &a, &b, &c, &d);
	family = (a >> 8 & 15) + (a >> 20 & 255);
	return family >= 0x17;
}

bool native_open(struct native *n, unsigned worker, struct native_abilities *can)
{
	static const struct {
		uint8_t code_bytes;
		uint16_t cs, ss;
	} kind[3] = {
		{8, SEL_CODE64, SEL_DATA}, {4, SEL_CODE32, SEL_DATA}, {2, SEL_CODE16, SEL_DATA16}};
	bool passed[3];

	memset(can, 0, sizeof(*can));
	can->same_flags = has_same_flags();
	n->cpu = choose_cpu(worker);
	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_)) {
		can->missing = "the kernel does not let user code write FS and GS bases";
		return true;
	}
	n->batch = mmap(NULL, sizeof(*n->batch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (n->batch == MAP_FAILED || !spawn(n))
		return false;
	for (unsigned k = 0; k < 3; k++)
		probe_case(&n->batch->cases[k], kind[k].code_bytes, kind[k].cs, kind[k].ss);
	native_start(n, 3);
	if (!native_finish(n)) {
		can->missing = "the low pages of the address space cannot be mapped "
			       "(vm.mmap_min_addr)";
		return true;
	}
	for (unsigned k = 0; k < 3; k++)
		passed[k] = probe_passed(&n->batch->results[k], kind[k].cs);
	if (!passed[0])
		can->missing = "a single INT3 does not come back as it should";
	can->code32 = passed[1];
	can->code16 = passed[2];
	return true;
}

bool native_restart(struct native *n)
{
	reap(n);
	return spawn(n);
}

void native_close(struct native *n)
{
	if (n->child > 0)
		reap(n);
	if (n->batch && n->batch != MAP_FAILED)
		munmap(n->batch, sizeof(*n->batch));
}

void native_read_segment(int cpu, unsigned entry, struct native_segment *s)
{
	cpu_set_t before;
	uint32_t selector = entry << 3 | 3, access = 0, limit = 0;
	bool readable;

	sched_getaffinity(0, sizeof(before), &before);
	stay_on(cpu);
	__asm__ volatile("lar %2, %0" : "=r"(access), "=@ccz"(s->visible) : "r"(selector));
	__asm__ volatile("lsl %2, %0" : "=r"(limit), "=@ccz"(readable) : "r"(selector));
	sched_setaffinity(0, sizeof(before), &before);
	s->access = s->visible ? access : 0;
	s->limit = readable ? limit : 0;
}

bool native_start(struct native *n, uint32_t n_cases)
{
	char byte = 0;

	n->batch->n_cases = n_cases;
	n->batch->running = 0;
	for (uint32_t k = 0; k < n_cases; k++)
		n->batch->results[k].end = END_NONE;
	return write(n->to_child, &byte, 1) == 1;
}

/* True when the child has reported, false when it is gone. */
static bool child_reported(struct native *n)
{
	char byte;
	ssize_t got;

	do
		got = read(n->from_child, &byte, 1);
	while (got < 0 && errno == EINTR);
	return got == 1;
}

bool native_finish(struct native *n)
{
	while (!child_reported(n)) {
		uint32_t died_at = n->batch->running;
		int status = reap(n);
		char byte = 0;

		if (died_at >= n->batch->n_cases || !WIFSIGNALED(status))
			return false; /* it could not even set itself up */
		n->batch->results[died_at].end = END_CRASH;
		n->batch->results[died_at].error = (uint32_t)WTERMSIG(status);
		n->batch->running = died_at + 1;
		if (!spawn(n) || write(n->to_child, &byte, 1) != 1)
			return false;
	}
	return true;
}
