/* SPDX-License-Identifier: Apache-2.0 */
/* The state that the vCPU of an image starts in. */
#include "tests/fuzz/image.h"

#include "core/base/bytes.h"
#include "core/x86/fpu.h"

#define SEG_ACCESSED 1
#define SEG_BUSY     2

static bool one_in(struct image *image, unsigned n)
{
	return seeded_below(&image->rng, n) == 0;
}

/* ---- segments ---- */

/* A register as loading the selector from the GDT leaves it. */
static struct x86_segment loaded(const struct image *image, uint16_t selector)
{
	const uint8_t *at = image->ram + IMAGE_GDT + (selector & 0xf8);
	uint64_t d = get_le64(at);
	uint32_t limit = (uint32_t)((d & 0xffff) | (d >> 32 & 0xf0000));
	uint16_t attr = (uint16_t)(d >> 40 & 0xf0ff);

	return (struct x86_segment){
		.base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000u),
		.limit = attr & X86_SEG_G ? limit << 12 | 0xfff : limit,
		.selector = selector,
		.attr = (uint16_t)(attr | (attr & X86_SEG_S ? SEG_ACCESSED : 0)),
	};
}

static void load_system(struct image *image)
{
	struct x86_segment *seg = image->state.seg;

	seg[X86_TR] = loaded(image, IMAGE_TR);
	seg[X86_TR].attr |= SEG_BUSY;
	seg[X86_LDTR] = loaded(image, IMAGE_LDTR);
	image->state.gdt = (struct x86_table){IMAGE_GDT, IMAGE_GDT_END - 1};
	image->state.idt = (struct x86_table){IMAGE_IDT, 0xfff};
}

static void load_real(struct image *image, uint32_t limit, uint16_t attr)
{
	static const uint16_t selector[6] = {0x1400, IMAGE_CODE >> 4, 0x0c00, 0x1400, 0, 0x1800};

	for (unsigned n = X86_ES; n <= X86_GS; n++)
		image->state.seg[n] = (struct x86_segment){
			.base = selector[n] * 16u,
			.limit = limit,
			.selector = selector[n],
			.attr = attr,
		};
	if (image->in.mode != IMAGE_V86)
		image->state.idt = (struct x86_table){IMAGE_IVT, 0x3ff};
}

static void load_data(struct image *image, uint16_t selector)
{
	static const uint8_t data[4] = {X86_ES, X86_DS, X86_FS, X86_GS};

	for (unsigned n = 0; n < 4; n++)
		image->state.seg[data[n]] = loaded(image, selector);
	if (image->in.paging == IMAGE_PAGING_LONG) {
		image->state.seg[X86_FS].base = IMAGE_DATA;
		image->state.seg[X86_GS].base = image_address(image);
	}
}

static void load_odd(struct image *image)
{
	static const uint16_t odd[] = {IMAGE_DOWN | 3, IMAGE_SMALL | 3, IMAGE_READ_ONLY | 3,
				       IMAGE_USER_CS32 | 3, IMAGE_USER_DS16 | 3};
	static const uint8_t data[4] = {X86_ES, X86_DS, X86_FS, X86_GS};

	for (unsigned n = 0; n < 4; n++)
		if (one_in(image, 3))
			image->state.seg[data[n]] =
				loaded(image, odd[seeded_below(&image->rng, 5)]);
		else if (one_in(image, 6))
			image->state.seg[data[n]] = (struct x86_segment){.attr = X86_SEG_UNUSABLE};
}

static void load_segments(struct image *image)
{
	struct vcpu_state *s = &image->state;
	bool user = image->in.cpl == 3;
	uint16_t rpl = user ? 3 : 0;
	uint16_t cs32 = user ? IMAGE_USER_CS32 : IMAGE_CS32;
	uint16_t cs16 = user ? IMAGE_USER_CS16 : IMAGE_CS16;
	uint16_t ds = user ? IMAGE_USER_DS : IMAGE_DS;

	load_system(image);
	switch (image->in.mode) {
	case IMAGE_REAL: load_real(image, 0xffff, 0x93); return;
	case IMAGE_UNREAL: load_real(image, 0xffffffff, 0x8093); return;
	case IMAGE_V86: load_real(image, 0xffff, 0xf3); return;
	case IMAGE_PROTECTED16:
	case IMAGE_COMPAT16:
		s->seg[X86_CS] = loaded(image, cs16 | rpl);
		s->seg[X86_SS] = loaded(image, (user ? IMAGE_USER_DS16 : IMAGE_DS16) | rpl);
		if (one_in(image, 3))
			s->seg[X86_SS] = loaded(image, ds | rpl);
		break;
	case IMAGE_LONG:
		s->seg[X86_CS] = loaded(image, (user ? IMAGE_USER_CS64 : IMAGE_CS64) | rpl);
		s->seg[X86_SS] = loaded(image, ds | rpl);
		break;
	default:
		s->seg[X86_CS] = loaded(image, cs32 | rpl);
		s->seg[X86_SS] = loaded(image, ds | rpl);
		break;
	}
	load_data(image, ds | rpl);
	if (image->in.mode == IMAGE_SEGMENTED32 || image_odd(image))
		load_odd(image);
}

/* ---- control registers ---- */

static void set_control(struct image *image)
{
	struct vcpu_state *s = &image->state;
	const struct x86_cpu_model *model = x86_cpu_model_find(image->in.model);
	uint64_t draw = seeded_u64(&image->rng);

	s->cr0 = CR0_ET | (draw & (CR0_NE | CR0_WP | CR0_AM | CR0_MP));
	if (image->in.mode > IMAGE_UNREAL)
		s->cr0 |= CR0_PE;
	if (image->in.paging != IMAGE_NO_PAGING)
		s->cr0 |= CR0_PG;
	if (one_in(image, 24))
		s->cr0 |= one_in(image, 2) ? CR0_TS : CR0_EM;
	s->cr2 = draw;
	s->cr3 = IMAGE_ROOT;
	s->cr4 = (draw >> 24) & (CR4_TSD | CR4_DE | CR4_PGE | CR4_PCE | CR4_UMIP | CR4_FSGSBASE |
				 CR4_SMEP | CR4_SMAP);
	if (!one_in(image, 4)) /* or nearly no code runs at CPL 0, whose pages are the user's */
		s->cr4 &= ~(uint64_t)(CR4_SMEP | CR4_SMAP);
	s->cr4 |= CR4_PSE | CR4_OSXMMEXCPT;
	if (!one_in(image, 24))
		s->cr4 |= CR4_OSFXSR;
	if (image->in.paging >= IMAGE_PAGING_PAE)
		s->cr4 |= CR4_PAE;
	s->efer = draw >> 60 ? EFER_NXE | EFER_SCE : 0;
	if (image->in.paging == IMAGE_PAGING_LONG)
		s->efer |= EFER_LME | EFER_LMA;
	s->cr4 &= model->cr4_valid;
	s->efer &= model->efer_valid;
	if (image->in.paging == IMAGE_PAGING_PAE)
		memcpy(s->pdpte, image->ram + IMAGE_ROOT, sizeof(s->pdpte));
}

static void set_debug(struct image *image)
{
	struct vcpu_state *s = &image->state;

	s->dr6 = DR6_FIXED;
	s->dr7 = DR7_FIXED;
	for (unsigned n = 0; n < 4; n++)
		s->dr[n] = one_in(image, 2) ? image_address(image)
					    : IMAGE_CODE + image->in.place_hint +
						      seeded_below(&image->rng, 32);
	if (one_in(image, 12))
		s->dr7 |= seeded_u64(&image->rng) & (DR7_VALID & ~DR7_GD);
	if (one_in(image, 64))
		s->dr7 |= DR7_GD;
}

static void set_flags(struct image *image)
{
	struct vcpu_state *s = &image->state;
	uint64_t draw = seeded_u64(&image->rng);

	s->rflags = X86_FLAG_1 | (draw & (X86_ARITH | X86_IF));
	if (one_in(image, 4))
		s->rflags |= X86_DF_FLAG;
	if (one_in(image, 3))
		s->rflags |= (draw >> 32 & 3) << 12;
	if (one_in(image, 12))
		s->rflags |= X86_AC_FLAG;
	if (one_in(image, 24))
		s->rflags |= X86_TF;
	if (one_in(image, 24))
		s->rflags |= draw >> 40 & (X86_NT | X86_RF | X86_ID | X86_VIF | X86_VIP);
	if (image->in.mode == IMAGE_V86)
		s->rflags |= X86_VM;
}

static void set_msrs(struct image *image)
{
	struct x86_msrs *m = &image->state.msr;

	m->pat = 0x0007040600070406;
	m->misc_enable = 1;
	m->star = 0x0020000800000000ull;
	m->lstar = IMAGE_HANDLERS + 16 * 0x80;
	m->cstar = IMAGE_HANDLERS;
	m->sfmask = seeded_u64(&image->rng) & 0xffffffff;
	m->kernel_gs_base = IMAGE_DATA;
	m->sysenter_cs = one_in(image, 8) ? 0 : IMAGE_CS64;
	m->sysenter_esp = IMAGE_STACK0;
	m->sysenter_eip = IMAGE_HANDLERS + 16 * 0x80;
}

/* ---- other registers ---- */

static uint64_t any_value(struct image *image)
{
	static const uint64_t special[] = {0,	  1,	      2,	  0x7f,
					   0x80,  0xff,	      0x7fff,	  0x8000,
					   ~0ull, 0x80000000, 0x7fffffff, 0x8000000000000000ull};

	switch (seeded_below(&image->rng, 8)) {
	case 0: return seeded_u64(&image->rng);
	case 1: return special[seeded_below(&image->rng, 12)];
	case 2: return seeded_below(&image->rng, 64);
	default: return image_address(image);
	}
}

static void set_general(struct image *image)
{
	struct vcpu_state *s = &image->state;
	bool real = image->in.mode <= IMAGE_UNREAL || image->in.mode == IMAGE_V86;

	for (unsigned n = 0; n < 16; n++) {
		s->gpr[n] = any_value(image);
		if (real && !one_in(image, 4))
			s->gpr[n] &= 0xffff;
		else if (image->in.mode != IMAGE_LONG)
			s->gpr[n] &= 0xffffffff;
	}
	if (!one_in(image, 3))
		s->gpr[X86_RCX] = seeded_below(&image->rng, 80);
	s->gpr[X86_RSP] = image->in.cpl == 3 ? IMAGE_STACK3 : IMAGE_STACK0;
	s->gpr[X86_RSP] -= 0x100 + 8 * seeded_below(&image->rng, 32);
	if (real)
		s->gpr[X86_RSP] &= 0xfff;
	if (image_odd(image))
		s->gpr[X86_RSP] = any_value(image);
	if (one_in(image, 2))
		s->gpr[X86_RBP] = s->gpr[X86_RSP] + 8 * seeded_below(&image->rng, 16);
}

static struct x86_f80 any_f80(struct image *image)
{
	static const uint16_t exponent[8] = {0, 0x7fff, 0x3fff, 0x4000, 1, 0x7ffe, 0x3fbf, 0x403e};
	struct x86_f80 v = {.mantissa = seeded_u64(&image->rng)};

	v.sign_exponent = exponent[seeded_below(&image->rng, 8)];
	if (one_in(image, 3))
		v.sign_exponent = (uint16_t)(0x3fff - 70 + seeded_below(&image->rng, 140));
	if (one_in(image, 2))
		v.sign_exponent |= 0x8000;
	if (one_in(image, 4))
		v.mantissa &= 0xc000000000000000ull;
	if (!one_in(image, 6)) /* unnormal numbers are rare */
		v.mantissa = v.sign_exponent & 0x7fff ? v.mantissa | 1ull << 63 : v.mantissa >> 1;
	return v;
}

static void set_x87(struct image *image)
{
	struct x86_fpu *f = &image->state.fpu;
	uint64_t draw = seeded_u64(&image->rng);

	for (unsigned n = 0; n < 8; n++)
		f->reg[n] = any_f80(image);
	f->control = 0x37f;
	if (one_in(image, 2))
		f->control = (uint16_t)(0x40 | (draw & 0xf3f));
	f->status = (uint16_t)(draw >> 16 & 0x7fff & ~(unsigned)(FSW_EXCEPTIONS | FSW_ES));
	if (one_in(image, 8))
		f->status |= draw >> 32 & FSW_EXCEPTIONS;
	if (f->status & ~f->control & FSW_EXCEPTIONS)
		f->status |= FSW_ES | FSW_B;
	f->in_use = one_in(image, 3) ? 0 : (uint8_t)(draw >> 40);
	f->opcode = draw >> 48 & 0x7ff;
}

static void set_sse(struct image *image)
{
	static const uint64_t doubles[8] = {0,
					    0x8000000000000000ull,
					    0x3ff0000000000000ull,
					    0x7ff0000000000000ull,
					    0x7ff8000000000001ull,
					    0x7ff0000000000001ull,
					    0x0000000000000001ull,
					    0x43dfffffffffffffull};
	static const uint32_t floats[8] = {0,	       0x80000000, 0x3f800000, 0x7f800000,
					   0x7fc00001, 0x7f800001, 1,	       0x4effffff};
	struct vcpu_state *s = &image->state;

	for (unsigned n = 0; n < 16; n++)
		for (unsigned k = 0; k < 2; k++) {
			uint64_t draw = seeded_u64(&image->rng);

			if (draw & 1)
				s->xmm[n].u64[k] = doubles[draw >> 8 & 7];
			else if (draw & 2)
				s->xmm[n].u64[k] = floats[draw >> 8 & 7] |
						   (uint64_t)floats[draw >> 16 & 7] << 32;
			else
				s->xmm[n].u64[k] = draw >> (draw >> 2 & 31);
		}
	s->mxcsr = 0x1f80;
	if (one_in(image, 2))
		s->mxcsr = (uint32_t)seeded_u64(&image->rng) & 0xffff;
	if (one_in(image, 3))
		s->mxcsr |= 0x1f80;
}

static void set_moment(struct image *image)
{
	struct vcpu_state *s = &image->state;

	if (one_in(image, 24))
		s->shadow = 1 + one_in(image, 2);
	s->nmi_blocked = one_in(image, 4);
	if (one_in(image, 32)) {
		s->event.kind = X86_EVENT_EXTERNAL;
		s->event.vector = (uint8_t)seeded_below(&image->rng, 256);
	}
	if (one_in(image, 48))
		s->activity = X86_HALTED;
}

/* rip holds the place of the program from IMAGE_CODE, which some code segments start at. */
static void set_rip(struct image *image)
{
	struct vcpu_state *s = &image->state;

	if (s->seg[X86_CS].base != 0)
		return;
	s->rip += IMAGE_CODE;
	if (image->in.mode == IMAGE_LONG && one_in(image, 4))
		s->rip += 0xffffffff80000000ull;
}

/* A few bytes anywhere: what x86_cpu_set_state() takes of this, the CPU must bear. */
static void spoil(struct image *image)
{
	for (unsigned n = 1 + (unsigned)seeded_below(&image->rng, 3); n; n--) {
		uint64_t at = seeded_below(&image->rng, sizeof(image->state));
		uint64_t value = seeded_u64(&image->rng);
		uint64_t len = sizeof(image->state) - at;

		len = len < sizeof(value) ? len : 1u << seeded_below(&image->rng, 4);
		memcpy((uint8_t *)&image->state + at, &value, len);
	}
}

void image_make_state(struct image *image)
{
	load_segments(image);
	set_control(image);
	set_debug(image);
	set_flags(image);
	set_msrs(image);
	set_general(image);
	set_x87(image);
	set_sse(image);
	set_moment(image);
	set_rip(image);
	if (image->in.odd_state)
		spoil(image);
}
