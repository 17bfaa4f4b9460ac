/* SPDX-License-Identifier: MIT
 * test_signal_name.c - names and numbers of signals. */
#include <signal.h>

#include "../weft.h"
#include "check.h"

TEST("a name gives the system's number, with or without SIG") {
  CHECK_INT(SIGTERM, weft_signal_number("TERM"));
  CHECK_INT(SIGUSR1, weft_signal_number("SIGUSR1"));
  CHECK_INT(0, weft_signal_number("term"));
  CHECK_INT(0, weft_signal_number("SIG"));
  CHECK_INT(0, weft_signal_number(""));
  CHECK_INT(0, weft_signal_number(NULL));
}

TEST("every standard signal has a name that leads back to it") {
  int named = 0;
  for (int number = 1; number < 32; number++) {
    const char *name = weft_signal_name(number);
    if (name == NULL)
      continue;
    named++;
    CHECK_INT(number, weft_signal_number(name));
  }
  CHECK(named >= 28);
  CHECK(weft_signal_name(0) == NULL);
  CHECK(weft_signal_name(-1) == NULL);
  CHECK(weft_signal_name(40) == NULL);
}
