/* SPDX-License-Identifier: MIT
 * signals.h - what the files of signals share: who has which signal.
 *
 *   signal.c has the handler -> signals.c, the iterators; else dump_signal.c;
 *   else Ctrl-C */
#ifndef WEFT_SIGNALS_H
#define WEFT_SIGNALS_H

#include "io.h"

/* Standard signals have smaller numbers. */
#define WEFT__SIGNAL_END 32

/* -- Dispositions (signal.c) ----------------------------------------------
 * A signal is taken over for whoever wants it first and given back when nobody
 * does any more. */

/* [only_default]: not if the process has a handler for it or ignores it. False
 * if it was not taken. */
bool weft__signal_hold(int number, bool only_default);
void weft__signal_release(int number);
/* Afterwards no handler, in whatever thread, uses what it found before. */
void weft__signal_settle(void);
/* For a handler: has the runtime look at the next poll. */
void weft__signal_wake(weft_runtime *rt);

/* -- Iterators (signals.c) ------------------------------------------------ */

/* For a handler: whether an iterator has it now. */
bool weft__signals_note(int number);
/* What was noted goes to the iterators of the runtime. */
void weft__signals_hand_out(weft_runtime *rt);
/* Whether it cannot be caught, or not in good faith. */
bool weft__signal_is_refused(int number);

/* -- A signal that asks for a call (dump_signal.c) ------------------------ */

/* For a handler: whether it is the one. */
bool weft__dump_note(int number);
void weft__dump_deliver(weft_runtime *rt);

#endif
