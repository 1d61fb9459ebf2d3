/* SPDX-License-Identifier: Apache-2.0 */
/* Code that changes code.  All of it lies in one page that is written to and executed. */
	.section .data.selfmod, "aw"
	.code64
	.balign 4096
	.globl next_byte, next_in_loop, ahead_by_movs, own_block, patched_jump, by_push, by_sse
	.globl by_cmpxchg, counting, seven_times, by_xchg

/* The very next instruction. */
next_byte:
	movb $42, 1f + 1(%rip)
1:	mov $0, %al
	movzbl %al, %eax
	ret

/* The next instruction again and again: sums 1 to 100. */
next_in_loop:
	xor %eax, %eax
	mov $100, %ecx
1:	mov %ecx, 2f + 1(%rip)
2:	mov $0, %edx
	add %edx, %eax
	dec %ecx
	jnz 1b
	ret

/* REP MOVSB over the instructions right behind it. */
ahead_by_movs:
	lea 2f(%rip), %rsi
	lea 1f(%rip), %rdi
	mov $3f - 2f, %ecx
	rep movsb
1:	mov $1, %eax
	nop
	ret
2:	mov $2, %eax
	nop
	ret
3:

/* An instruction earlier in the same block, taken again by a jump back. */
own_block:
	xor %eax, %eax
	mov $3, %ecx
1:	add $1, %eax
	movb $10, 1b + 2(%rip)
	dec %ecx
	jnz 1b
	movb $1, 1b + 2(%rip)
	ret

/* The displacement of a jump that has been taken. */
patched_jump:
	xor %eax, %eax
	mov $4, %ecx
	movb $0, 2f - 1(%rip)
1:	jmp 2f
2:	inc %eax
	inc %eax
	movb $2, 2b - 1(%rip)
	loop 1b
	ret

/* Written by a push, by an SSE store, by XCHG, by LOCK CMPXCHG. */
by_push:
	mov %rsp, %rdx
	lea 2f(%rip), %rsp
	mov 1f(%rip), %rax
	mov $5, %ah
	push %rax			/* the eight bytes at 1, with another constant */
	mov %rdx, %rsp
	xor %eax, %eax
	jmp 1f
	.balign 8
1:	mov $0, %al
	nop
	nop
	nop
	nop
	nop
	nop
2:	ret

by_sse:
	movups 2f(%rip), %xmm0
	movups %xmm0, 1f(%rip)
1:	mov $1, %eax
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	ret
2:	mov $6, %eax
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop

by_xchg:
	mov $7, %ecx
	xchg %ecx, 1f + 1(%rip)
1:	mov $0, %eax
	mov %ecx, 1b + 1(%rip)
	ret

by_cmpxchg:
	xor %eax, %eax
	mov $8, %ecx
	lock cmpxchg %ecx, 1f + 1(%rip)
1:	mov $0, %eax
	movl $0, 1b + 1(%rip)
	ret

/* Data beside code: counts in its own page, a thousand times. */
counting:
	movl $0, 2f(%rip)
	mov $1000, %ecx
1:	incl 2f(%rip)
	dec %ecx
	jnz 1b
	mov 2f(%rip), %eax
	ret
	.balign 4
2:	.long 0
	.balign 4096
	.section .note.GNU-stack, "", @progbits
