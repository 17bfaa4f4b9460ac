/* SPDX-License-Identifier: MIT
 * system.c - what the system's files say of looking up names, and whether that
 * is all within c-ares's power.
 *
 * c-ares reads /etc/resolv.conf and /etc/hosts itself. Here is read what it
 * does not know (version 1.18 has another word for the time-out), and what
 * says that somebody else has to be asked. A file that is not there says
 * nothing. */
#define _GNU_SOURCE /* st_mtim */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dns.h"

#define BLANKS " \t\r\n"

static const char *const files[] = {"resolv.conf", "nsswitch.conf", "gai.conf"};

/* -- Lines ---------------------------------------------------------------- */

static FILE *open_file(const char *etc, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", etc, name);
  return fopen(path, "re");
}

/* The next line without its comment. */
static char *read_line(FILE *file, char *line, int size) {
  if (fgets(line, size, file) == NULL)
    return NULL;
  line[strcspn(line, "#;")] = '\0';
  return line;
}

/* -- nsswitch.conf -------------------------------------------------------- */

/* "files dns", or one of them. What is done on which outcome, in brackets, is
 * more than c-ares can be told. */
static bool sources_are_ours(char *sources) {
  bool dns_seen = false;
  char *rest;
  for (char *word = strtok_r(sources, BLANKS, &rest); word != NULL;
       word = strtok_r(NULL, BLANKS, &rest)) {
    if (strcmp(word, "dns") == 0)
      dns_seen = true;
    else if (strcmp(word, "files") != 0 || dns_seen)
      return false;
  }
  return dns_seen;
}

static bool nsswitch_is_ours(const char *etc) {
  char line[1024];
  bool is_ours = true;
  FILE *file = open_file(etc, "nsswitch.conf");
  if (file == NULL)
    return true;
  while (read_line(file, line, sizeof line) != NULL) {
    const char *word = line + strspn(line, BLANKS);
    if (strncasecmp(word, "hosts:", 6) == 0)
      is_ours = sources_are_ours(strchr(line, ':') + 1);
  }
  fclose(file);
  return is_ours;
}

/* -- gai.conf ------------------------------------------------------------- */

static bool gai_is_ours(const char *etc) {
  char line[1024];
  bool is_ours = true;
  FILE *file = open_file(etc, "gai.conf");
  if (file == NULL)
    return true;
  while (read_line(file, line, sizeof line) != NULL)
    is_ours &= line[strspn(line, BLANKS)] == '\0';
  fclose(file);
  return is_ours;
}

/* -- resolv.conf ---------------------------------------------------------- */

static bool begins(const char *word, const char *prefix) {
  return strncmp(word, prefix, strlen(prefix)) == 0;
}

/* What c-ares does by itself, or what makes no difference here. */
static bool is_known(const char *word) {
  static const char *const words[] = {"ndots:",         "rotate",   "edns0",
                                      "single-request", "trust-ad", "debug"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (begins(word, words[i]))
      return true;
  return false;
}

static int number_in(const char *word, long most) {
  long number = strtol(strchr(word, ':') + 1, NULL, 10);
  return (int)(number < 1 ? 1 : number > most ? most : number);
}

/* The limits are the C library's. */
static void read_options(char *words, struct dns_system *system) {
  char *rest;
  for (char *word = strtok_r(words, BLANKS, &rest); word != NULL;
       word = strtok_r(NULL, BLANKS, &rest)) {
    if (begins(word, "timeout:"))
      system->timeout_ms = number_in(word, 30) * 1000;
    else if (begins(word, "attempts:"))
      system->attempts = number_in(word, 5);
    else if (!is_known(word))
      system->is_ours = false;
  }
}

static void read_resolv(const char *etc, struct dns_system *system) {
  char line[1024];
  FILE *file = open_file(etc, "resolv.conf");
  if (file == NULL)
    return;
  while (read_line(file, line, sizeof line) != NULL) {
    char *word = line + strspn(line, BLANKS);
    if (begins(word, "options") && strchr(BLANKS, word[7]) != NULL)
      read_options(word + 7, system);
  }
  fclose(file);
}

/* -- All of it ------------------------------------------------------------ */

static bool environment_is_ours(void) {
  return getenv("RES_OPTIONS") == NULL && getenv("LOCALDOMAIN") == NULL &&
         getenv("HOSTALIASES") == NULL;
}

static bool is_ours(const char *etc) {
#if defined(__linux__)
  return environment_is_ours() && nsswitch_is_ours(etc) && gai_is_ours(etc);
#else
  (void)etc;
  return false;
#endif
}

struct dns_system dns__system_read(const char *etc) {
  const char *wish = getenv("WEFT_RESOLVER");
  struct dns_system system = {.is_ours = is_ours(etc)};
  read_resolv(etc, &system);
  if (wish != NULL && strcmp(wish, "system") == 0)
    system.is_ours = false;
  if (wish != NULL && strcmp(wish, "c-ares") == 0)
    system.is_ours = true;
  return system;
}

struct dns_stamp dns__system_stamp(const char *etc) {
  struct dns_stamp stamp = {{0}};
  int64_t *number = stamp.numbers;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++, number += 4) {
    char path[512];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", etc, files[i]);
    if (stat(path, &info) != 0)
      continue;
    number[0] = (int64_t)info.st_ino;
    number[1] = (int64_t)info.st_size;
    number[2] = (int64_t)info.st_mtim.tv_sec;
    number[3] = (int64_t)info.st_mtim.tv_nsec;
  }
  return stamp;
}

/* An address in any form that the C library reads, "127.1" too, is none. */
bool dns__system_is_name(const char *host) {
  struct in_addr address;
  for (const char *at = host; *at != '\0'; at++)
    if (*at == ':' || *at == '%' || (unsigned char)*at >= 0x80)
      return false;
  return inet_aton(host, &address) == 0;
}
