/* SPDX-License-Identifier: MIT
 * switch_x86_64.S - from one stack to another, by the System V ABI.
 *
 * What a call must preserve is pushed on the stack that is left; the stack
 * pointer is then all there is to save. A stack that is not running ends in
 *
 *   0 mxcsr    4 x87 control word    8 r15    16 r14    24 r13    32 r12
 *   40 rbx    48 rbp    56 the address to go on at
 *
 * Both stacks look the same at the instruction that swaps them, so the call
 * frame information holds on either side of it: a debugger sees the one or the
 * other, and never a mixture.
 *
 * The floating-point control registers hardly ever differ. That of the x87 is
 * compared, and set only where it does. To compare mxcsr would mean to load
 * what was stored just before, which the processor (Zen 5) waits for longer
 * than setting it takes. */
#include "switch.h"

#ifdef WEFT__SWITCH_BY_X86_64

  .text

/* Saves the registers of this side and takes those of the other; the return
 * address is then next on the stack. */
  .macro SWAP
  pushq %rbp
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %rbp, 0
  pushq %rbx
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %rbx, 0
  pushq %r12
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r12, 0
  pushq %r13
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r13, 0
  pushq %r14
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r14, 0
  pushq %r15
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset %r15, 0
  subq $8, %rsp
  .cfi_adjust_cfa_offset 8
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movzwl 4(%rsp), %ecx
  movq %rsp, (%rdi)

  movq %rsi, %rsp

  ldmxcsr (%rsp)
  cmpw 4(%rsp), %cx
  jne 2f
  .cfi_remember_state
1:
  addq $8, %rsp
  .cfi_adjust_cfa_offset -8
  popq %r15
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r15
  popq %r14
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r14
  popq %r13
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r13
  popq %r12
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r12
  popq %rbx
  .cfi_adjust_cfa_offset -8
  .cfi_restore %rbx
  popq %rbp
  .cfi_adjust_cfa_offset -8
  .cfi_restore %rbp
  .endm

/* Out of line: x87 control that differs between the two. */
  .macro SWAP_CONTROL
2:
  .cfi_restore_state
  fldcw 4(%rsp)
  jmp 1b
  .endm

/* void weft__switch(void **from: rdi, void *to: rsi) */
  .globl weft__switch
  .hidden weft__switch
  .type weft__switch, @function
  .p2align 5
weft__switch:
  .cfi_startproc
  endbr64
  SWAP
  /* A ret would be predicted to go back to who called us, which is on the
   * other stack. The place after a call is no landing pad, hence notrack. */
  popq %rcx
  .cfi_adjust_cfa_offset -8
  .cfi_register %rip, %rcx
  notrack jmp *%rcx
  SWAP_CONTROL
  .cfi_endproc
  .size weft__switch, . - weft__switch

/* void weft__switch_alike(void **from: rdi, void *to: rsi). The other side was
 * left from the same place in the code, so all returns are predicted right. */
  .globl weft__switch_alike
  .hidden weft__switch_alike
  .type weft__switch_alike, @function
  .p2align 5
weft__switch_alike:
  .cfi_startproc
  endbr64
  SWAP
  ret
  SWAP_CONTROL
  .cfi_endproc
  .size weft__switch_alike, . - weft__switch_alike

/* void *weft__switch_prepare(void *bottom: rdi, void *top: rsi,
 *                            void (*main)(void *): rdx, void *arg: rcx) */
  .globl weft__switch_prepare
  .hidden weft__switch_prepare
  .type weft__switch_prepare, @function
  .p2align 4
weft__switch_prepare:
  .cfi_startproc
  endbr64
  leaq -80(%rsi), %rax
  stmxcsr (%rax)
  fnstcw 4(%rax)
  movq %rcx, 32(%rax)
  movq %rdx, 40(%rax)
  leaq .Lstart(%rip), %rdx
  movq %rdx, 56(%rax)
  xorl %edx, %edx
  movq %rdx, 8(%rax)
  movq %rdx, 16(%rax)
  movq %rdx, 24(%rax)
  movq %rdx, 48(%rax)
  movq %rdx, 64(%rax) /* where a return address would be: none */
  movq %rdx, 72(%rax)
  ret
  .cfi_endproc
  .size weft__switch_prepare, . - weft__switch_prepare

/* Where a new stack goes on: rbx is main, r12 arg, rbp 0. It has no caller,
 * and says so to whoever follows the frames by either method. A return address
 * is looked up as the one before it, which must be in here too. */
  .type weft__switch_start, @function
  .p2align 4
weft__switch_start:
  .cfi_startproc
  .cfi_undefined %rip
  nop
.Lstart:
  movq %r12, %rdi
  callq *%rbx
  ud2
  .cfi_endproc
  .size weft__switch_start, . - weft__switch_start

#endif
