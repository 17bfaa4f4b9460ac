/* SPDX-License-Identifier: MIT
 * switch.h - from one stack to another: which of the three ways is built.
 *
 * switch_x86_64.S and switch_aarch64.S swap the registers that a call must
 * preserve, which takes a few nanoseconds. switch_ucontext.c does it by the C
 * library, on any other machine or where WEFT_SWITCH_UCONTEXT is defined; it
 * asks the kernel twice for each switch. All three files are always compiled,
 * and two of them come out empty.
 *
 * The assembly includes this file too, for the notes at its end. */
#ifndef WEFT_SWITCH_H
#define WEFT_SWITCH_H

#if defined(WEFT_SWITCH_UCONTEXT) || !defined(__ELF__) || defined(__ILP32__)
#define WEFT__SWITCH_BY_UCONTEXT 1
#elif defined(__x86_64__)
#define WEFT__SWITCH_BY_X86_64 1
#elif defined(__aarch64__)
#define WEFT__SWITCH_BY_AARCH64 1
#else
#define WEFT__SWITCH_BY_UCONTEXT 1
#endif

#ifndef __ASSEMBLER__

#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#elif __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

/* Whether weft__switch_alike may be used from one fiber right to another. The
 * sanitizers want to be told which stack the loop's is, which a fiber entered
 * so cannot know. */
#if defined(HAS_ASAN) || defined(HAS_TSAN)
#define WEFT__SWITCH_CAN_HOP 0
#else
#define WEFT__SWITCH_CAN_HOP 1
#endif

/* Lays out a stack, between [bottom] and [top], such that the first switch to
 * it calls main(arg), which must not return. [top] is a multiple of 16. Like a
 * new thread it inherits the floating-point environment. Returns what
 * weft__switch takes as [to]. */
void *weft__switch_prepare(void *bottom, void *top, void (*main)(void *arg),
                           void *arg);

/* Saves where the caller is in [*from] and goes on at [to], saved so before.
 * Later, too, [*from] is not NULL. */
void weft__switch(void **from, void *to);

/* The same where [to] was saved by a call of this function from the same place
 * in the code, or is new: then the processor foresees where it returns to. */
#if defined(WEFT__SWITCH_BY_X86_64)
void weft__switch_alike(void **from, void *to);
#else
static inline void weft__switch_alike(void **from, void *to) {
  weft__switch(from, to);
}
#endif

/* -- The floating-point environment ---------------------------------------
 * Of a task that runs, in one word, for one that is to begin later with it.
 * Where the C library switches, it is part of what a stack is laid out with. */

#if defined(WEFT__SWITCH_BY_X86_64)
#define WEFT__SWITCH_HAS_FLOAT_MODE 1
static inline uint64_t weft__float_mode(void) {
  uint32_t mxcsr;
  uint16_t x87;
  __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
  return (uint64_t)x87 << 32 | mxcsr;
}
static inline void weft__float_set(uint64_t mode) {
  uint32_t mxcsr = (uint32_t)mode;
  uint16_t x87 = (uint16_t)(mode >> 32), now;
  __asm__ volatile("ldmxcsr %1\n\tfnstcw %0" : "=m"(now) : "m"(mxcsr));
  if (now != x87)
    __asm__ volatile("fldcw %0" : : "m"(x87));
}
#elif defined(WEFT__SWITCH_BY_AARCH64)
#define WEFT__SWITCH_HAS_FLOAT_MODE 1
static inline uint64_t weft__float_mode(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static inline void weft__float_set(uint64_t mode) {
  if (mode != weft__float_mode())
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}
#else
#define WEFT__SWITCH_HAS_FLOAT_MODE 0
static inline uint64_t weft__float_mode(void) {
  return 0;
}
static inline void weft__float_set(uint64_t mode) {
  (void)mode;
}
#endif

#elif defined(__ELF__)
/* clang-format off */

/* The stack need not be executable. */
.section .note.GNU-stack, "", %progbits

/* The linker marks the library as fit for checked indirect branches only if
 * each object says so, the empty ones too. Shadow stacks are not claimed: a
 * switch does not swap them. */
#if defined(__x86_64__) && defined(__CET__) && (__CET__ & 1)
#define WEFT__PROPERTY 0xc0000002 /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT */
#elif defined(__aarch64__)
#define WEFT__PROPERTY 0xc0000000 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI */
#endif
#ifdef WEFT__PROPERTY
.section .note.gnu.property, "a", %note
.p2align 3
.long 4, 16, 5 /* sizes of name and contents; NT_GNU_PROPERTY_TYPE_0 */
.asciz "GNU"
.long WEFT__PROPERTY, 4, 1, 0 /* the feature, its size, its value, padding */
#endif

#endif /* __ASSEMBLER__ */
#endif
