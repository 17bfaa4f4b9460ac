/* SPDX-License-Identifier: MIT
 * test_process_setup.c - what a child is given: arguments, environment, folder,
 * descriptors, user. */
#include <sys/stat.h>

#include "child.h"

extern char **environ;

/* -- Arguments ------------------------------------------------------------ */

TASK_TEST("each argument arrives as it is, without a shell") {
  static const char *const words[] = {"a b", "", "$HOME", "*", "\"'\\", "\n"};
  weft_process child = new_child(rt, "printf '<%s>' \"$@\"");
  CHECK_INT(WEFT_OK, weft_process_add_argument(rt, child, "sh"));
  for (int i = 0; i < 6; i++)
    CHECK_INT(WEFT_OK, weft_process_add_argument(rt, child, words[i]));
  CHECK_INT(WEFT_EINVAL, weft_process_add_argument(rt, child, NULL));
  CHECK_TEXT("<a b><><$HOME><*><\"'\\><\n>", output_of(rt, child));
}

TASK_TEST("there may be many arguments") {
  weft_process child = new_child(rt, "printf %s $#");
  for (int i = 0; i < 1000; i++)
    CHECK_INT(WEFT_OK, weft_process_add_argument(rt, child, "x"));
  CHECK_TEXT("999", output_of(rt, child)); /* the first is the shell's $0 */
}

/* -- The environment ------------------------------------------------------ */

TASK_TEST("the environment is the parent's, with changes") {
  CHECK_INT(0, setenv("WEFT_KEPT", "kept", 1));
  CHECK_INT(0, setenv("WEFT_CHANGED", "before", 1));
  CHECK_INT(0, setenv("WEFT_GONE", "there", 1));
  weft_process child = new_child(
      rt, "echo $WEFT_KEPT $WEFT_CHANGED $WEFT_NEW ${WEFT_GONE-gone}");
  CHECK_INT(WEFT_OK, weft_process_set_env(rt, child, "WEFT_CHANGED", "first"));
  CHECK_INT(WEFT_OK, weft_process_set_env(rt, child, "WEFT_CHANGED", "after"));
  CHECK_INT(WEFT_OK, weft_process_unset_env(rt, child, "WEFT_NEW"));
  CHECK_INT(WEFT_OK, weft_process_set_env(rt, child, "WEFT_NEW", "n=w"));
  CHECK_INT(WEFT_OK, weft_process_unset_env(rt, child, "WEFT_GONE"));
  CHECK_TEXT("kept after n=w gone\n", output_of(rt, child));
  CHECK_TEXT("before", getenv("WEFT_CHANGED")); /* the parent's is its own */
}

TASK_TEST("a cleared environment has what was set since and nothing else") {
  weft_process child;
  CHECK_INT(WEFT_OK, weft_process_new(rt, "/usr/bin/env", &child));
  CHECK_INT(WEFT_OK, weft_process_set_env(rt, child, "DROPPED", "x"));
  CHECK_INT(WEFT_OK, weft_process_clear_env(rt, child));
  CHECK_INT(WEFT_OK, weft_process_set_env(rt, child, "ONE", "1"));
  CHECK_INT(WEFT_OK, weft_process_unset_env(rt, child, "TWO"));
  CHECK_TEXT("ONE=1\n", output_of(rt, child));
  CHECK_INT(WEFT_OK, weft_process_new(rt, "/usr/bin/env", &child));
  CHECK_INT(WEFT_OK, weft_process_clear_env(rt, child));
  CHECK_TEXT("", output_of(rt, child));
}

TASK_TEST("a variable needs a name without \"=\"") {
  weft_process child = new_child(rt, "exit 0");
  CHECK_INT(WEFT_EINVAL, weft_process_set_env(rt, child, "", "x"));
  CHECK_INT(WEFT_EINVAL, weft_process_set_env(rt, child, NULL, "x"));
  CHECK_INT(WEFT_EINVAL, weft_process_set_env(rt, child, "A=B", "x"));
  CHECK_INT(WEFT_EINVAL, weft_process_set_env(rt, child, "A", NULL));
  CHECK_INT(WEFT_EINVAL, weft_process_unset_env(rt, child, "A=B"));
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
}

TASK_TEST("the program is looked for in the child's PATH") {
  weft_process child;
  CHECK_INT(WEFT_OK, weft_process_new(rt, "sh", &child));
  CHECK_INT(WEFT_OK, weft_process_set_env(rt, child, "PATH", "/nowhere"));
  CHECK_INT(WEFT_ENOENT, weft_process_start(rt, child));
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
}

/* A file of the folder that anybody may run, or may not. */
static void write_program(const char *dir, const char *text, mode_t mode) {
  char path[64];
  CHECK(mkdir(dir, 0755) == 0 || errno == EEXIST);
  snprintf(path, sizeof(path), "%s/speak", dir);
  FILE *file = fopen(path, "w");
  fputs(text, file);
  fclose(file);
  CHECK_INT(0, chmod(path, mode));
}

static void remove_program(const char *dir) {
  char path[64];
  snprintf(path, sizeof(path), "%s/speak", dir);
  CHECK_INT(0, unlink(path));
  CHECK_INT(0, rmdir(dir));
}

static weft_process new_speaker(weft_runtime *rt, const char *path) {
  weft_process child;
  CHECK_INT(WEFT_OK, weft_process_new(rt, "speak", &child));
  CHECK_INT(WEFT_OK, weft_process_add_argument(rt, child, "up"));
  CHECK_INT(WEFT_OK, weft_process_set_env(rt, child, "PATH", path));
  return child;
}

/* Without a first line that names one, and by folders of the child's. */
TASK_TEST("a script of no known kind is the shell's, found from its folder") {
  char dir[] = "/tmp/weft-path-XXXXXX";
  CHECK(mkdtemp(dir) != NULL);
  int here = open(".", O_RDONLY | O_DIRECTORY);
  CHECK_INT(0, chdir(dir));
  write_program("locked", "echo wrong", 0644);
  write_program("open", "echo $# $1 ${0##*/}", 0755);
  CHECK_INT(0, fchdir(here));
  close(here);
  weft_process child = new_speaker(rt, "/nowhere:locked:open:/bin");
  CHECK_INT(WEFT_OK, weft_process_set_cwd(rt, child, dir));
  CHECK_TEXT("1 up speak\n", output_of(rt, child));
  child = new_speaker(rt, "locked:/nowhere:");
  CHECK_INT(WEFT_OK, weft_process_set_cwd(rt, child, dir));
  CHECK_INT(WEFT_EACCES, weft_process_start(rt, child));
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
  CHECK_INT(0, chdir(dir));
  remove_program("locked");
  remove_program("open");
  CHECK_INT(0, chdir("/"));
  CHECK_INT(0, rmdir(dir));
}

/* -- The folder ----------------------------------------------------------- */

TASK_TEST("it begins in the folder that was set last") {
  weft_process child = new_child(rt, "pwd");
  CHECK_INT(WEFT_EINVAL, weft_process_set_cwd(rt, child, ""));
  CHECK_INT(WEFT_EINVAL, weft_process_set_cwd(rt, child, NULL));
  CHECK_INT(WEFT_OK, weft_process_set_cwd(rt, child, "/tmp"));
  CHECK_INT(WEFT_OK, weft_process_set_cwd(rt, child, "/usr"));
  CHECK_TEXT("/usr\n", output_of(rt, child));
}

/* -- Descriptors ---------------------------------------------------------- */

TASK_TEST("standard input and error are pipes, too") {
  weft_process child = new_child(rt, "cat >&2");
  for (int fd = 0; fd <= 2; fd++)
    set_pipe(rt, child, fd);
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  weft_stream input = take_stream(rt, child, 0), other;
  CHECK_INT(WEFT_EINVAL, weft_process_take_stream(rt, child, 0, &other));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, input, "to and fro", 10));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, input));
  CHECK_TEXT("to and fro", drain(rt, take_stream(rt, child, 2)));
  CHECK_TEXT("", drain(rt, take_stream(rt, child, 1)));
  end_child(rt, child, 0);
}

TASK_TEST("error goes where output goes, in order") {
  weft_process child = new_child(rt, "echo a; echo b >&2; echo c");
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, 2, WEFT_STDIO_SAME, 1));
  CHECK_TEXT("a\nb\nc\n", output_of(rt, child));
  child = new_child(rt, "echo a; echo b >&2");
  set_pipe(rt, child, 2);
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, 1, WEFT_STDIO_SAME, 2));
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  CHECK_TEXT("a\nb\n", drain(rt, take_stream(rt, child, 2)));
  end_child(rt, child, 0);
}

TASK_TEST("/dev/null is empty and swallows") {
  weft_process child = new_child(rt, "cat; echo lost >&2; echo end");
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, 0, WEFT_STDIO_NULL, 0));
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, 2, WEFT_STDIO_NULL, 0));
  CHECK_TEXT("end\n", output_of(rt, child));
}

TASK_TEST("a descriptor of the parent's is given by number, and stays open") {
  FILE *file = tmpfile();
  char text[16] = "";
  weft_process child = new_child(rt, "echo into the file");
  CHECK_INT(WEFT_OK,
            weft_process_set_stdio(rt, child, 1, WEFT_STDIO_FD, fileno(file)));
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  end_child(rt, child, 0);
  rewind(file);
  CHECK(fgets(text, sizeof(text), file) != NULL);
  CHECK_TEXT("into the file\n", text);
  fclose(file);
}

/* With the parent's own three closed, a pipe gets their numbers. */
TASK_TEST("a closed descriptor of the parent's is /dev/null in the child") {
  int saved[3];
  for (int fd = 0; fd <= 2; fd++) {
    saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    close(fd);
  }
  weft_process child = new_child(rt, "cat && echo lost >&2 && echo end");
  const char *text = output_of(rt, child);
  for (int fd = 0; fd <= 2; fd++) {
    dup2(saved[fd], fd);
    close(saved[fd]);
  }
  CHECK_TEXT("end\n", text);
}

TASK_TEST("descriptors that cannot be are refused") {
  weft_process child = new_child(rt, "exit 0");
  CHECK_INT(WEFT_EINVAL,
            weft_process_set_stdio(rt, child, 3, WEFT_STDIO_NULL, 0));
  CHECK_INT(WEFT_EINVAL,
            weft_process_set_stdio(rt, child, -1, WEFT_STDIO_NULL, 0));
  CHECK_INT(WEFT_EINVAL, weft_process_set_stdio(rt, child, 0, 0, 0));
  CHECK_INT(WEFT_EINVAL, weft_process_set_stdio(rt, child, 0, 6, 0));
  CHECK_INT(WEFT_EINVAL,
            weft_process_set_stdio(rt, child, 0, WEFT_STDIO_FD, -1));
  CHECK_INT(WEFT_EINVAL,
            weft_process_set_stdio(rt, child, 1, WEFT_STDIO_SAME, 1));
  CHECK_INT(WEFT_EINVAL,
            weft_process_set_stdio(rt, child, 1, WEFT_STDIO_SAME, 3));
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, 1, WEFT_STDIO_SAME, 2));
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, 2, WEFT_STDIO_SAME, 1));
  CHECK_INT(WEFT_EINVAL, weft_process_start(rt, child)); /* in a circle */
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
}

/* -- Signals and the user ------------------------------------------------- */

/* What the kernel says of the child's signals: none blocked, none ignored. Of
 * the last 28, for two above those the C library keeps to itself and leaves
 * ignored in what it spawns, as make is. */
TASK_TEST("signals have their default effect in the child, none is blocked") {
  sigset_t set, before;
  sigfillset(&set);
  signal(SIGHUP, SIG_IGN);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  weft_process child = new_child(
      rt, "sed -En 's/^(Sig(Blk|Ign):).*(.{7})$/\\1\\3/p' /proc/self/status");
  set_pipe(rt, child, 1);
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  CHECK_TEXT("SigBlk:0000000\nSigIgn:0000000\n",
             drain(rt, take_stream(rt, child, 1)));
  end_child(rt, child, 0);
}

TASK_TEST("another user is set, or refused to who is not root") {
  weft_process child = new_child(rt, "id -u; id -g");
  CHECK_INT(WEFT_EINVAL, weft_process_set_user(rt, child, -2, 0));
  CHECK_INT(WEFT_EINVAL, weft_process_set_user(rt, child, 0, -2));
  CHECK_INT(WEFT_OK, weft_process_set_user(rt, child, 65534, 65534));
  if (geteuid() == 0) {
    CHECK_TEXT("65534\n65534\n", output_of(rt, child));
    return;
  }
  CHECK_INT(WEFT_EPERM, weft_process_start(rt, child));
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
}
