/* SPDX-License-Identifier: MIT
 * nothing.c - the least there is to start: what the system takes for it. */

int main(void) {
  return 0;
}
