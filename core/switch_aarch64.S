/* SPDX-License-Identifier: MIT
 * switch_aarch64.S - from one stack to another, by the AAPCS64.
 *
 * What a call must preserve is stored on the stack that is left; the stack
 * pointer is then all there is to save. A stack that is not running ends in
 *
 *   0 x19 - x28    80 x29, x30 (the address to go on at)    96 d8 - d15
 *   160 fpcr       168 nothing
 *
 * Both stacks look the same at the instruction that swaps them, so the call
 * frame information holds on either side of it. The floating-point control
 * register is slow to set and hardly ever differs, so it is compared first.
 *
 * "hint 34" is "bti c", the landing pad for a call through a pointer, written
 * so that any assembler takes it. A ret needs none where it arrives. */
#include "switch.h"

#ifdef WEFT__SWITCH_BY_AARCH64

#define FRAME_BYTES 176

  .text

/* void weft__switch(void **from: x0, void *to: x1) */
  .globl weft__switch
  .hidden weft__switch
  .type weft__switch, %function
  .p2align 5
weft__switch:
  .cfi_startproc
  hint #34
  sub sp, sp, #FRAME_BYTES
  .cfi_adjust_cfa_offset FRAME_BYTES
  stp x19, x20, [sp, #0]
  .cfi_rel_offset x19, 0
  .cfi_rel_offset x20, 8
  stp x21, x22, [sp, #16]
  .cfi_rel_offset x21, 16
  .cfi_rel_offset x22, 24
  stp x23, x24, [sp, #32]
  .cfi_rel_offset x23, 32
  .cfi_rel_offset x24, 40
  stp x25, x26, [sp, #48]
  .cfi_rel_offset x25, 48
  .cfi_rel_offset x26, 56
  stp x27, x28, [sp, #64]
  .cfi_rel_offset x27, 64
  .cfi_rel_offset x28, 72
  stp x29, x30, [sp, #80]
  .cfi_rel_offset x29, 80
  .cfi_rel_offset x30, 88
  stp d8, d9, [sp, #96]
  .cfi_rel_offset d8, 96
  .cfi_rel_offset d9, 104
  stp d10, d11, [sp, #112]
  .cfi_rel_offset d10, 112
  .cfi_rel_offset d11, 120
  stp d12, d13, [sp, #128]
  .cfi_rel_offset d12, 128
  .cfi_rel_offset d13, 136
  stp d14, d15, [sp, #144]
  .cfi_rel_offset d14, 144
  .cfi_rel_offset d15, 152
  mrs x3, fpcr
  str x3, [sp, #160]
  mov x2, sp
  str x2, [x0]

  mov sp, x1

  ldr x4, [sp, #160]
  cmp x3, x4
  b.eq 1f
  msr fpcr, x4
1:
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #FRAME_BYTES
  .cfi_def_cfa_offset 0
  .irp reg, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30
  .cfi_restore \reg
  .endr
  .irp reg, d8, d9, d10, d11, d12, d13, d14, d15
  .cfi_restore \reg
  .endr
  ret
  .cfi_endproc
  .size weft__switch, . - weft__switch

/* void *weft__switch_prepare(void *bottom: x0, void *top: x1,
 *                            void (*main)(void *): x2, void *arg: x3) */
  .globl weft__switch_prepare
  .hidden weft__switch_prepare
  .type weft__switch_prepare, %function
  .p2align 4
weft__switch_prepare:
  .cfi_startproc
  hint #34
  sub x0, x1, #FRAME_BYTES
  stp x2, x3, [x0, #0]
  stp xzr, xzr, [x0, #16]
  stp xzr, xzr, [x0, #32]
  stp xzr, xzr, [x0, #48]
  stp xzr, xzr, [x0, #64]
  adr x4, .Lstart
  stp xzr, x4, [x0, #80]
  stp xzr, xzr, [x0, #96]
  stp xzr, xzr, [x0, #112]
  stp xzr, xzr, [x0, #128]
  stp xzr, xzr, [x0, #144]
  mrs x4, fpcr
  stp x4, xzr, [x0, #160]
  ret
  .cfi_endproc
  .size weft__switch_prepare, . - weft__switch_prepare

/* Where a new stack goes on: x19 is main, x20 arg, x29 0. It has no caller,
 * and says so to whoever follows the frames by either method. A return address
 * is looked up as the one before it, which must be in here too. */
  .type weft__switch_start, %function
  .p2align 4
weft__switch_start:
  .cfi_startproc
  .cfi_undefined x30
  nop
.Lstart:
  mov x30, xzr
  mov x0, x20
  blr x19
  brk #1
  .cfi_endproc
  .size weft__switch_start, . - weft__switch_start

#endif
