/* SPDX-License-Identifier: MIT
 * test_fs_whole.c - whole files: read, written, replaced, copied; rule 27.4. */
#include "files.h"

#include <signal.h>
#include <sys/resource.h>

/* -- Reading -------------------------------------------------------------- */

static bool read_is(weft_runtime *rt, const char *path, size_t size_bytes) {
  uint64_t value;
  const char *data;
  size_t size;
  CHECK_INT(WEFT_OK, weft_fs_read_file(rt, path, SIZE_MAX, &value));
  weft_value *bytes = (weft_value *)(uintptr_t)value;
  CHECK_INT(WEFT_OK, weft_value_get_bytes(bytes, &data, &size));
  CHECK_INT(size_bytes, size);
  CHECK_INT(0, data[size]);
  bool is = size == size_bytes;
  for (size_t i = 0; i < size && is; i++)
    is = data[i] == pattern(i);
  weft_value_unref(bytes);
  return is;
}

FILE_TEST("a file of any size is read whole") {
  static const size_t sizes[] = {0, 1, 4096, 16384, 300000};
  for (size_t i = 0; i < 5; i++)
    CHECK(read_is(rt, plain_pattern("file", sizes[i]), sizes[i]));
}

FILE_TEST("a file whose size the system does not say is read to its end") {
  uint64_t value;
  size_t size;
  const char *data;
  CHECK_INT(WEFT_OK,
            weft_fs_read_file(rt, "/proc/self/status", SIZE_MAX, &value));
  CHECK_INT(WEFT_OK,
            weft_value_get_bytes((weft_value *)(uintptr_t)value, &data, &size));
  CHECK(size > 100);
  CHECK_INT(0, strncmp(data, "Name:", 5));
  drop_value(value);
}

FILE_TEST("more than the limit is refused, as much as that is not") {
  uint64_t value;
  plain_pattern("file", 1000);
  CHECK_INT(WEFT_EOVERRUN, weft_fs_read_file(rt, at("file"), 999, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_OK, weft_fs_read_file(rt, at("file"), 1000, &value));
  drop_value(value);
  CHECK_INT(WEFT_EOVERRUN,
            weft_fs_read_file(rt, "/proc/self/status", 10, &value));
}

FILE_TEST("a directory, and what is not there, cannot be read") {
  uint64_t value = 1;
  CHECK_INT(WEFT_EISDIR, weft_fs_read_file(rt, files_dir, SIZE_MAX, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ENOENT, weft_fs_read_file(rt, at("none"), SIZE_MAX, &value));
}

/* -- Writing -------------------------------------------------------------- */

static int put(weft_runtime *rt, const char *name, const char *text, int flags,
               uint64_t *written) {
  return weft_fs_write_file(rt, at(name), text, strlen(text), flags, written);
}

FILE_TEST("write_file makes, empties, adds to, or refuses what is there") {
  uint64_t written;
  CHECK_INT(WEFT_OK, put(rt, "file", "long text", 0, &written));
  CHECK_INT(9, written);
  CHECK_INT(WEFT_OK, put(rt, "file", "short", 0, &written));
  CHECK_TEXT("short", plain_read("file"));
  CHECK_INT(WEFT_OK, put(rt, "file", "er", WEFT_WRITE_APPEND, &written));
  CHECK_TEXT("shorter", plain_read("file"));
  CHECK_INT(WEFT_EEXIST, put(rt, "file", "x", WEFT_WRITE_EXCLUSIVE, &written));
  CHECK_INT(0, written);
  CHECK_TEXT("shorter", plain_read("file"));
  CHECK_INT(WEFT_OK, put(rt, "new", "x", WEFT_WRITE_EXCLUSIVE | WEFT_WRITE_SYNC,
                         &written));
  CHECK_INT(WEFT_OK, put(rt, "empty", "", 0, &written));
  CHECK_TEXT("", plain_read("empty"));
}

FILE_TEST("write_file refuses what makes no sense") {
  uint64_t written;
  const int atomic = WEFT_WRITE_ATOMIC;
  CHECK_INT(WEFT_EINVAL, put(rt, "a", "x", -1, &written));
  CHECK_INT(WEFT_EINVAL, put(rt, "a", "x", 16, &written));
  CHECK_INT(WEFT_EINVAL,
            put(rt, "a", "x", atomic | WEFT_WRITE_APPEND, &written));
  CHECK_INT(WEFT_EINVAL,
            put(rt, "a", "x", atomic | WEFT_WRITE_EXCLUSIVE, &written));
  CHECK_INT(WEFT_EINVAL, weft_fs_write_file(rt, at("a"), NULL, 1, 0, &written));
  CHECK_INT(0, count_names());
}

/* -- Replacing ------------------------------------------------------------ */

FILE_TEST("27.4 an atomic write replaces, keeps permissions, leaves nothing") {
  uint64_t written;
  struct stat before, after;
  plain_write("file", "old");
  CHECK_INT(0, chmod(at("file"), 0604));
  CHECK_INT(0, stat(at("file"), &before));
  CHECK_INT(WEFT_OK, put(rt, "file", "new", WEFT_WRITE_ATOMIC, &written));
  CHECK_INT(3, written);
  CHECK_TEXT("new", plain_read("file"));
  CHECK_INT(0, stat(at("file"), &after));
  CHECK(before.st_ino != after.st_ino);
  CHECK_INT(0604, after.st_mode & 07777);
  CHECK_INT(1, count_names());
}

FILE_TEST("27.4 a new file has the permissions that the umask leaves") {
  uint64_t written;
  struct stat info;
  mode_t mask = umask(027);
  CHECK_INT(WEFT_OK, put(rt, "file", "new", WEFT_WRITE_ATOMIC, &written));
  umask(mask);
  CHECK_INT(0, stat(at("file"), &info));
  CHECK_INT(0640, info.st_mode & 07777);
}

FILE_TEST("27.4 the owner is kept, too, where that is allowed") {
  uint64_t written;
  struct stat info;
  plain_write("file", "old");
  if (chown(at("file"), 1234, 4321) != 0)
    return; /* not root */
  CHECK_INT(WEFT_OK, put(rt, "file", "new", WEFT_WRITE_ATOMIC, &written));
  CHECK_INT(0, stat(at("file"), &info));
  CHECK_INT(1234, info.st_uid);
  CHECK_INT(4321, info.st_gid);
}

FILE_TEST("27.4 a link to nothing stays one: what it points to is made") {
  struct stat info;
  uint64_t written;
  CHECK_INT(0, mkdir(at("there"), 0777));
  CHECK_INT(0, symlink("file", at("there/second")));
  CHECK_INT(0, symlink("there/second", at("link")));
  CHECK_INT(WEFT_OK, put(rt, "link", "new", WEFT_WRITE_ATOMIC, &written));
  CHECK_INT(0, lstat(at("link"), &info));
  CHECK(S_ISLNK(info.st_mode));
  CHECK_INT(0, lstat(at("there/second"), &info));
  CHECK(S_ISLNK(info.st_mode));
  CHECK_TEXT("new", plain_read("there/file"));
}

FILE_TEST("27.4 a link stays one: what it points to is replaced") {
  uint64_t written;
  struct stat info;
  CHECK_INT(0, mkdir(at("there"), 0755));
  plain_write("there/file", "old");
  CHECK_INT(0, symlink("there/file", at("link")));
  CHECK_INT(WEFT_OK, put(rt, "link", "new", WEFT_WRITE_ATOMIC, &written));
  CHECK_TEXT("new", plain_read("there/file"));
  CHECK_INT(0, lstat(at("link"), &info));
  CHECK(S_ISLNK(info.st_mode));
  CHECK_INT(2, count_names());
}

FILE_TEST("27.4 what is no regular file is not replaced") {
  uint64_t written;
  CHECK_INT(0, mkfifo(at("fifo"), 0600));
  CHECK_INT(WEFT_ENOTSUP, put(rt, "fifo", "x", WEFT_WRITE_ATOMIC, &written));
  CHECK_INT(WEFT_EISDIR, put(rt, ".", "x", WEFT_WRITE_ATOMIC, &written));
  CHECK_INT(WEFT_ENOENT, put(rt, "a/b", "x", WEFT_WRITE_ATOMIC, &written));
  CHECK_INT(1, count_names());
}

FILE_TEST("a name without a folder is of the working directory") {
  uint64_t written;
  char old[256];
  CHECK(getcwd(old, sizeof(old)) != NULL);
  CHECK_INT(0, chdir(files_dir));
  plain_write("file", "old");
  CHECK_INT(WEFT_OK, weft_fs_write_file(rt, "file", "new", 3, WEFT_WRITE_ATOMIC,
                                        &written));
  CHECK_INT(0, chdir(old));
  CHECK_TEXT("new", plain_read("file"));
  CHECK_INT(1, count_names());
}

/* -- No room -------------------------------------------------------------- */

/* Files of this process may have so many bytes; 0: as many as they like. */
static void limit_file_size(size_t size_bytes) {
  struct rlimit limit;
  signal(SIGXFSZ, SIG_IGN);
  CHECK_INT(0, getrlimit(RLIMIT_FSIZE, &limit));
  limit.rlim_cur = size_bytes == 0 ? limit.rlim_max : size_bytes;
  CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &limit));
}

FILE_TEST("27.4 where there is no room for all, the old content stands") {
  uint64_t written;
  static char much[100000];
  plain_write("file", "old");
  limit_file_size(50000);
  CHECK_INT(WEFT_EFBIG, weft_fs_write_file(rt, at("file"), much, sizeof(much),
                                           WEFT_WRITE_ATOMIC, &written));
  CHECK_INT(50000, written);
  CHECK_TEXT("old", plain_read("file"));
  CHECK_INT(1, count_names());
  CHECK_INT(WEFT_EFBIG, weft_fs_write_file(rt, at("other"), much, sizeof(much),
                                           0, &written));
  CHECK_INT(50000, written);
  limit_file_size(0);
}

FILE_TEST("27.4 on a full disk the old content stands, and how much fitted is "
          "told") {
  uint64_t written;
  static char much[1 << 20];
  if (!mount_small("disk", 256 * 1024, 0))
    return; /* not root */
  plain_write("disk/file", "old");
  CHECK_INT(WEFT_ENOSPC,
            weft_fs_write_file(rt, at("disk/file"), much, sizeof(much),
                               WEFT_WRITE_ATOMIC, &written));
  CHECK(written > 0 && written <= 256 * 1024);
  CHECK_TEXT("old", plain_read("disk/file"));
  CHECK_INT(WEFT_ENOSPC, weft_fs_write_file(rt, at("disk/new"), much,
                                            sizeof(much), 0, &written));
  CHECK(written > 0 && written <= 256 * 1024);
  plain_pattern("much", 300 * 1024);
  CHECK_INT(WEFT_ENOSPC, weft_fs_copy_file(rt, at("much"), at("disk/file"), 0));
  CHECK_TEXT("old", plain_read("disk/file"));
  unmount("disk");
}

FILE_TEST("what a device has no room for is told") {
  uint64_t written;
  CHECK_INT(WEFT_ENOSPC,
            weft_fs_write_file(rt, "/dev/full", "x", 1, 0, &written));
  CHECK_INT(0, written);
}

/* Valgrind keeps the limit itself: what it says cannot be opened may have been
 * made or emptied by then. */
static bool is_kernels(size_t limit) {
  char line[256];
  unsigned long soft = 0;
  FILE *limits = fopen("/proc/self/limits", "r");
  while (fgets(line, sizeof(line), limits) != NULL)
    if (strncmp(line, "Max open files", 14) == 0)
      soft = strtoul(line + 14, NULL, 10);
  fclose(limits);
  return soft == limit;
}

FILE_TEST("without descriptors all of them say so and leave nothing") {
  uint64_t value;
  struct rlimit old, none;
  plain_write("file", "old");
  CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &old));
  none = old;
  /* All that there are, and some more, until the next one fails. */
  int fds[512], count = 0;
  none.rlim_cur = 256;
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &none));
  if (!is_kernels(256))
    return;
  while ((fds[count] = dup(0)) >= 0)
    count++;
  CHECK_INT(WEFT_EMFILE, weft_fs_read_file(rt, at("file"), SIZE_MAX, &value));
  CHECK_INT(WEFT_EMFILE, put(rt, "file", "new", 0, &value));
  CHECK_INT(WEFT_EMFILE, put(rt, "file", "new", WEFT_WRITE_ATOMIC, &value));
  CHECK_INT(WEFT_EMFILE, weft_fs_copy_file(rt, at("file"), at("copy"), 0));
  CHECK_INT(WEFT_EMFILE, weft_fs_readdir(rt, files_dir, &value));
  CHECK_INT(WEFT_EMFILE, weft_file_open(rt, at("file"), RD, 0, &value));
  close(fds[--count]);
  /* One is enough for the folder, but the new file has none. */
  CHECK_INT(WEFT_EMFILE, put(rt, "file", "new", WEFT_WRITE_ATOMIC, &value));
  CHECK_INT(WEFT_EMFILE, weft_fs_copy_file(rt, at("file"), at("copy"), 0));
  while (count > 0)
    close(fds[--count]);
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &old));
  CHECK_TEXT("old", plain_read("file"));
  CHECK_INT(1, count_names());
}

/* -- Copying -------------------------------------------------------------- */

FILE_TEST("copy_file takes bytes and permissions over and replaces") {
  struct stat info;
  plain_pattern("from", 300000);
  CHECK_INT(0, chmod(at("from"), 0711));
  plain_write("to", "old");
  CHECK_INT(WEFT_OK, weft_fs_copy_file(rt, at("from"), at("to"), 0));
  CHECK(read_is(rt, at("to"), 300000));
  CHECK_INT(0, stat(at("to"), &info));
  CHECK_INT(0711, info.st_mode & 07777);
  CHECK_INT(2, count_names());
}

FILE_TEST("copy_file replaces nothing where it must not, nor itself") {
  plain_write("from", "1");
  plain_write("to", "2");
  CHECK_INT(WEFT_EEXIST, weft_fs_copy_file(rt, at("from"), at("to"), 1));
  CHECK_TEXT("2", plain_read("to"));
  CHECK_INT(WEFT_OK, weft_fs_copy_file(rt, at("from"), at("new"), 1));
  CHECK_TEXT("1", plain_read("new"));
  CHECK_INT(WEFT_EEXIST, weft_fs_copy_file(rt, at("from"), at("from"), 0));
  CHECK_TEXT("1", plain_read("from"));
  CHECK_INT(WEFT_EISDIR, weft_fs_copy_file(rt, files_dir, at("x"), 0));
  CHECK_INT(WEFT_EISDIR, weft_fs_copy_file(rt, at("from"), files_dir, 0));
  CHECK_INT(WEFT_ENOENT, weft_fs_copy_file(rt, at("none"), at("x"), 0));
  CHECK_INT(3, count_names());
}

/* -- Want of memory ------------------------------------------------------- */

static int read_once(void *arg) {
  uint64_t value;
  int status = weft_fs_read_file(arg, "/proc/self/status", SIZE_MAX, &value);
  drop_value(value);
  return status;
}

static int replace_once(void *arg) {
  uint64_t written;
  int status = put(arg, "file", "new", WEFT_WRITE_ATOMIC, &written);
  CHECK_TEXT(status == WEFT_OK ? "new" : "old", plain_read("file"));
  return status;
}

static int copy_once(void *arg) {
  return weft_fs_copy_file(arg, at("from"), at("to"), 0);
}

FILE_TEST("want of memory leaves nothing behind and spoils nothing") {
  plain_write("file", "old");
  plain_write("from", "old");
  CHECK_INT(WEFT_OK, read_once(rt));
  CHECK(failing_each(read_once, rt) >= 3);
  CHECK(failing_each(replace_once, rt) >= 2);
  CHECK(failing_each(copy_once, rt) >= 4);
  CHECK_INT(3, count_names());
}
