/* SPDX-License-Identifier: MIT
 * test_inherit.c - a child has no descriptor but those it is given. */
#include <pthread.h>
#include <stdatomic.h>

#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "child.h"

/* The shell lists its own; the one it lists by is open as well, and 0 to 2. */
#define LIST "set -- /proc/$$/fd/*; echo $#"

/* One that stays open on exec, for once: a number of its own. */
static int leak(int number) {
  CHECK_INT(number, fcntl(0, F_DUPFD, number));
  CHECK_INT(0, fcntl(number, F_GETFD) & FD_CLOEXEC);
  return number;
}

static const char *list_in_child(weft_runtime *rt) {
  return output_of(rt, new_child(rt, LIST));
}

TASK_TEST("what others left open on exec does not reach the child [28.2]") {
  const char *before = list_in_child(rt);
  int count = atoi(before);
  int leaked[] = {leak(20), leak(200), leak(555)};
  CHECK_INT(count, atoi(list_in_child(rt)));
  for (int i = 0; i < 3; i++) {
    CHECK_INT(0, fcntl(leaked[i], F_GETFD)); /* the parent's is as it was */
    CHECK_INT(0, close(leaked[i]));
  }
}

TASK_TEST("other forks of the process are left alone") {
  list_in_child(rt);
  int leaked = leak(20);
  FILE *pipe = popen("[ -e /proc/$$/fd/20 ] && echo inherited", "r");
  char text[16] = "";
  CHECK(fgets(text, sizeof(text), pipe) != NULL);
  CHECK_TEXT("inherited\n", text);
  pclose(pipe);
  CHECK_INT(0, close(leaked));
}

static atomic_bool over;

/* Opens descriptors that stay open on exec, all the time. */
static void *open_and_close(void *arg) {
  (void)arg;
  while (!atomic_load(&over)) {
    int fd = fcntl(0, F_DUPFD, 300);
    close(fd);
  }
  return NULL;
}

TASK_TEST("nor what another thread opens meanwhile [28.2]") {
  pthread_t thread;
  int count = atoi(list_in_child(rt));
  CHECK_INT(0, pthread_create(&thread, NULL, open_and_close, NULL));
  for (int i = 0; i < 50; i++)
    CHECK_INT(count, atoi(list_in_child(rt)));
  atomic_store(&over, true);
  CHECK_INT(0, pthread_join(thread, NULL));
}

#ifdef __linux__
/* Takes a system call away, as an older kernel would not have it. */
static void take_away(int call) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {4, filter};
  CHECK_INT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  CHECK_INT(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

TASK_TEST("an older kernel's list of descriptors serves as well [28.2]") {
  int count = atoi(list_in_child(rt));
  take_away(SYS_close_range);
  for (int fd = 600; fd < 900; fd++) /* more than one look at the list */
    leak(fd);
  CHECK_INT(count, atoi(list_in_child(rt)));
  for (int fd = 600; fd < 900; fd++)
    close(fd);
}

static int blind_body(weft_runtime *rt, void *arg) {
  (void)arg;
  take_away(SYS_close_range);
  take_away(SYS_getdents64);
  CHECK_TEXT("none\n", output_of(rt, new_child(rt, "[ -e /proc/$$/fd/600 ] || "
                                                   "echo none")));
  return WEFT_OK;
}

TEST("without a list every number is tried [28.2]") {
  weft_runtime *rt = new_runtime();
  int leaked = leak(600);
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, blind_body, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, close(leaked));
}
#endif
