/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/segment.h"

#include "core/x86/access.h"
#include "core/x86/operand.h"

#define FLAT_V86_ATTR (X86_ATTR_DATA | X86_SEG_DPL)

enum x86_status x86_raise_selector(struct x86_cpu *c, enum x86_vector vector, uint16_t selector,
				   uint32_t ext)
{
	return x86_raise_error(c, vector, (selector & 0xfffcu) | ext);
}

/* ---- descriptors in memory ---- */

bool x86_descriptor_locate(const struct x86_cpu *c, uint16_t selector, unsigned size_bytes,
			   uint64_t *linear)
{
	const struct x86_segment *ldt = &c->seg[X86_LDTR];
	bool local = selector & 4;
	uint32_t limit = local ? ldt->limit : c->gdt.limit;
	uint32_t offset = selector & 0xfff8u;

	if (local && ldt->attr & X86_SEG_UNUSABLE)
		return false;
	if (offset + size_bytes - 1 > limit)
		return false;
	*linear = x86_table_linear(c, local ? ldt->base : c->gdt.base, offset);
	return !c->long_mode || x86_is_canonical(*linear);
}

enum x86_status x86_descriptor_read(struct x86_cpu *c, uint16_t selector, enum x86_vector bad,
				    uint32_t ext, struct x86_descriptor *d)
{
	d->selector = selector;
	d->high = 0;
	if (!x86_descriptor_locate(c, selector, 8, &d->linear))
		return x86_raise_selector(c, bad, selector, ext);
	return x86_load_linear(c, d->linear, &d->low, 8, X86_ACCESS_SYSTEM);
}

enum x86_status x86_descriptor_read_high(struct x86_cpu *c, struct x86_descriptor *d)
{
	uint64_t linear;

	if (!c->long_mode)
		return X86_OK;
	if (!x86_descriptor_locate(c, d->selector, 16, &linear))
		return x86_raise_selector(c, X86_GP, d->selector, 0);
	X86_TRY(x86_load_linear(c, linear + 8, &d->high, 8, X86_ACCESS_SYSTEM));
	if (d->high >> 40 & 0x1f)
		return x86_raise_selector(c, X86_GP, d->selector, 0);
	d->high &= 0xffffffff;
	return X86_OK;
}

enum x86_status x86_descriptor_mark(struct x86_cpu *c, struct x86_descriptor *d, unsigned bits)
{
	uint64_t marked = d->low | (uint64_t)bits << 40;
	uint8_t type_byte = (uint8_t)(marked >> 40);

	if (marked == d->low)
		return X86_OK;
	d->low = marked;
	return x86_store_linear(c, x86_table_linear(c, d->linear, 5), &type_byte, 1,
				X86_ACCESS_WRITE | X86_ACCESS_SYSTEM);
}

struct x86_segment x86_descriptor_segment(const struct x86_descriptor *d)
{
	uint32_t limit = (uint32_t)((d->low & 0xffff) | (d->low >> 32 & 0xf0000));
	uint64_t base = (d->low >> 16 & 0xffffff) | (d->low >> 32 & 0xff000000u);
	uint16_t attr = x86_descriptor_attr(d);

	if (attr & X86_SEG_G)
		limit = limit << 12 | 0xfff;
	return (struct x86_segment){base | d->high << 32, limit, d->selector, attr};
}

/* ---- data and stack segments ---- */

struct x86_segment x86_segment_null(uint16_t selector, unsigned cpl)
{
	return (struct x86_segment){
		.selector = selector,
		.attr = (uint16_t)(X86_SEG_UNUSABLE | cpl << X86_SEG_DPL_SHIFT),
	};
}

struct x86_segment x86_segment_v86(uint16_t selector)
{
	return (struct x86_segment){(uint32_t)selector << 4, 0xffff, selector, FLAT_V86_ATTR};
}

/* Real-address mode loads the base and leaves the limit and the D bit as protected mode set them
 * ("unreal mode"). */
struct x86_segment x86_segment_real(const struct x86_cpu *c, unsigned seg, uint16_t selector)
{
	struct x86_segment s = c->seg[seg];

	if (c->rflags & X86_VM)
		return x86_segment_v86(selector);
	if (s.attr & X86_SEG_UNUSABLE)
		s.limit = 0xffff;
	s.selector = selector;
	s.base = (uint32_t)selector << 4;
	s.attr = (s.attr & (X86_SEG_G | X86_SEG_DB | X86_SEG_AVL)) |
		 (seg == X86_CS ? X86_ATTR_CODE : X86_ATTR_DATA);
	return s;
}

static enum x86_status finish(struct x86_cpu *c, struct x86_descriptor *d, struct x86_segment *new)
{
	X86_TRY(x86_descriptor_mark(c, d, X86_TYPE_ACCESSED));
	*new = x86_descriptor_segment(d);
	return X86_OK;
}

static enum x86_status check_data(struct x86_cpu *c, uint16_t selector, struct x86_segment *new)
{
	unsigned rpl = selector & 3;
	struct x86_descriptor d;
	uint16_t attr;

	if (x86_selector_is_null(selector)) {
		*new = x86_segment_null(selector, 0);
		return X86_OK;
	}
	X86_TRY(x86_descriptor_read(c, selector, X86_GP, 0, &d));
	attr = x86_descriptor_attr(&d);
	if (!x86_attr_is_readable(attr))
		return x86_raise_selector(c, X86_GP, selector, 0);
	if (!x86_attr_is_conforming(attr) &&
	    (rpl > x86_attr_dpl(attr) || c->cpl > x86_attr_dpl(attr)))
		return x86_raise_selector(c, X86_GP, selector, 0);
	if (!(attr & X86_SEG_P))
		return x86_raise_selector(c, X86_NP, selector, 0);
	return finish(c, &d, new);
}

enum x86_status x86_segment_check_stack(struct x86_cpu *c, uint16_t selector, unsigned cpl,
					enum x86_vector bad, uint32_t ext, struct x86_segment *new)
{
	struct x86_descriptor d;
	uint16_t attr;

	if (x86_selector_is_null(selector))
		return x86_raise_error(c, bad, ext);
	X86_TRY(x86_descriptor_read(c, selector, bad, ext, &d));
	attr = x86_descriptor_attr(&d);
	if ((selector & 3u) != cpl || x86_attr_dpl(attr) != cpl || !x86_attr_is_writable(attr))
		return x86_raise_selector(c, bad, selector, ext);
	if (!(attr & X86_SEG_P))
		return x86_raise_selector(c, X86_SS_FAULT, selector, ext);
	return finish(c, &d, new);
}

enum x86_status x86_segment_check(struct x86_cpu *c, unsigned seg, uint16_t selector,
				  struct x86_segment *new)
{
	if (x86_is_real(c)) {
		*new = x86_segment_real(c, seg, selector);
		return X86_OK;
	}
	if (seg != X86_SS)
		return check_data(c, selector, new);
	if (x86_selector_is_null(selector) && x86_is_64(c) && c->cpl < 3 &&
	    (selector & 3) == c->cpl) {
		*new = x86_segment_null(selector, c->cpl);
		return X86_OK;
	}
	return x86_segment_check_stack(c, selector, c->cpl, X86_GP, 0, new);
}

/* ---- code segments ---- */

/* L and D together are reserved in long mode (SDM vol. 3A 5.2.1). */
static bool has_code_form(const struct x86_cpu *c, uint16_t attr)
{
	bool both = (attr & X86_SEG_L) && (attr & X86_SEG_DB);

	return x86_attr_is_code(attr) && !(c->long_mode && both);
}

static enum x86_status finish_code(struct x86_cpu *c, struct x86_descriptor *d, uint32_t ext,
				   unsigned cpl, struct x86_segment *cs)
{
	if (!(x86_descriptor_attr(d) & X86_SEG_P))
		return x86_raise_selector(c, X86_NP, d->selector, ext);
	X86_TRY(finish(c, d, cs));
	cs->selector = (uint16_t)((d->selector & 0xfffc) | cpl);
	return X86_OK;
}

enum x86_status x86_segment_check_jump(struct x86_cpu *c, struct x86_descriptor *d,
				       struct x86_segment *cs)
{
	uint16_t attr = x86_descriptor_attr(d);
	unsigned dpl = x86_attr_dpl(attr);
	bool allowed = x86_attr_is_conforming(attr) ? dpl <= c->cpl
						    : dpl == c->cpl && (d->selector & 3) <= c->cpl;

	if (!has_code_form(c, attr) || !allowed)
		return x86_raise_selector(c, X86_GP, d->selector, 0);
	return finish_code(c, d, 0, c->cpl, cs);
}

enum x86_status x86_segment_check_gate(struct x86_cpu *c, uint16_t selector, uint32_t ext,
				       struct x86_segment *cs)
{
	struct x86_descriptor d;
	uint16_t attr;

	if (x86_selector_is_null(selector))
		return x86_raise_error(c, X86_GP, ext);
	X86_TRY(x86_descriptor_read(c, selector, X86_GP, ext, &d));
	attr = x86_descriptor_attr(&d);
	if (!has_code_form(c, attr) || x86_attr_dpl(attr) > c->cpl)
		return x86_raise_selector(c, X86_GP, selector, ext);
	if (c->long_mode && !(attr & X86_SEG_L))
		return x86_raise_selector(c, X86_GP, selector, ext);
	return finish_code(c, &d, ext, x86_attr_is_conforming(attr) ? c->cpl : x86_attr_dpl(attr),
			   cs);
}

enum x86_status x86_segment_check_return(struct x86_cpu *c, uint16_t selector,
					 struct x86_segment *cs)
{
	unsigned rpl = selector & 3, dpl;
	struct x86_descriptor d;
	uint16_t attr;

	if (x86_selector_is_null(selector))
		return x86_raise_gp(c);
	X86_TRY(x86_descriptor_read(c, selector, X86_GP, 0, &d));
	attr = x86_descriptor_attr(&d);
	dpl = x86_attr_dpl(attr);
	if (!has_code_form(c, attr) || rpl < c->cpl ||
	    (x86_attr_is_conforming(attr) ? dpl > rpl : dpl != rpl))
		return x86_raise_selector(c, X86_GP, selector, 0);
	return finish_code(c, &d, 0, rpl, cs);
}

enum x86_status x86_segment_check_return_stack(struct x86_cpu *c, uint16_t selector,
					       const struct x86_segment *cs, struct x86_segment *ss)
{
	unsigned cpl = cs->selector & 3;

	if (x86_selector_is_null(selector) && c->long_mode && cs->attr & X86_SEG_L && cpl != 3) {
		*ss = x86_segment_null(selector, cpl);
		return X86_OK;
	}
	return x86_segment_check_stack(c, selector, cpl, X86_GP, 0, ss);
}

enum x86_status x86_segment_check_rip(struct x86_cpu *c, const struct x86_segment *cs, uint32_t ext,
				      uint64_t rip)
{
	bool inside = c->long_mode && cs->attr & X86_SEG_L ? x86_is_canonical(rip)
							   : rip <= cs->limit;

	return inside ? X86_OK : x86_raise_error(c, X86_GP, ext);
}

/* ---- registers ---- */

void x86_segment_set(struct x86_cpu *c, unsigned seg, const struct x86_segment *new)
{
	c->seg[seg] = *new;
	if (seg == X86_CS || seg == X86_SS || (!x86_is_64(c) && (seg == X86_DS || seg == X86_ES)))
		x86_mode_update(c);
}

void x86_segment_drop_inner(struct x86_cpu *c, unsigned cpl)
{
	static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};

	for (unsigned n = 0; n < sizeof(data); n++) {
		struct x86_segment *s = &c->seg[data[n]];

		if (!(s->attr & X86_SEG_UNUSABLE) && !x86_attr_is_conforming(s->attr) &&
		    x86_attr_dpl(s->attr) < cpl)
			*s = x86_segment_null(0, 0);
	}
}

enum x86_status x86_far_pointer(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				uint64_t *offset, uint16_t *selector)
{
	uint64_t at = operand_offset(c, i);

	if (i->opr[n].kind == X86_OPR_FAR) {
		*offset = alu_truncate(i->opsize, (uint64_t)i->imm);
		*selector = (uint16_t)i->disp;
		return X86_OK;
	}
	/* two accesses, each with its own alignment */
	*offset = 0;
	X86_TRY(x86_load(c, i->seg, at, offset, i->opsize));
	return x86_load(c, i->seg, at + i->opsize, selector, 2);
}
