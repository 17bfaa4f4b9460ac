/* SPDX-License-Identifier: MIT
 * test_fs_dir.c - directories: made, listed, removed. */
#include "files.h"

#include <sys/resource.h>

/* -- Making --------------------------------------------------------------- */

FILE_TEST("mkdir makes one directory, which must not be there") {
  struct stat info;
  CHECK_INT(WEFT_OK, weft_fs_mkdir(rt, at("one"), 0750, 0));
  CHECK_INT(0, stat(at("one"), &info));
  CHECK_INT(0750, info.st_mode & 07777);
  CHECK_INT(WEFT_EEXIST, weft_fs_mkdir(rt, at("one"), 0755, 0));
  CHECK_INT(WEFT_ENOENT, weft_fs_mkdir(rt, at("a/b"), 0755, 0));
  CHECK_INT(WEFT_EINVAL, weft_fs_mkdir(rt, at("two"), -1, 0));
}

FILE_TEST("with parents it makes all above, and one that is there will do") {
  CHECK_INT(WEFT_OK, weft_fs_mkdir(rt, at("a/b//c/"), 0755, 1));
  CHECK(exists("a/b/c"));
  CHECK_INT(WEFT_OK, weft_fs_mkdir(rt, at("a/b/c"), 0755, 1));
  CHECK_INT(WEFT_OK, weft_fs_mkdir(rt, "/", 0755, 1));
  plain_write("file", "x");
  CHECK_INT(WEFT_EEXIST, weft_fs_mkdir(rt, at("file"), 0755, 1));
  CHECK_INT(WEFT_ENOTDIR, weft_fs_mkdir(rt, at("file/below"), 0755, 1));
}

/* -- Listing -------------------------------------------------------------- */

/* The [i]th name and its type, "name:type". */
static const char *entry(weft_value *map, size_t i) {
  static char text[128];
  weft_value *key, *item;
  const char *name = "?", *type = "?";
  size_t length;
  if (weft_value_get_key(map, i, &key) == WEFT_OK &&
      weft_value_get_item(map, i, &item) == WEFT_OK) {
    weft_value_get_bytes(key, &name, &length);
    weft_value_get_bytes(item, &type, &length);
  }
  snprintf(text, sizeof(text), "%s:%s", name, type);
  return text;
}

FILE_TEST("readdir gives the names by their bytes, each with its type") {
  uint64_t value;
  size_t count;
  plain_write("b", "");
  plain_write("B", "");
  plain_write("\xC3\xA9", "");
  CHECK_INT(0, mkdir(at("dir"), 0755));
  CHECK_INT(0, symlink("nowhere", at("link")));
  CHECK_INT(0, mkfifo(at("fifo"), 0600));
  CHECK_INT(WEFT_OK, weft_fs_readdir(rt, files_dir, &value));
  weft_value *map = (weft_value *)(uintptr_t)value;
  CHECK_INT(WEFT_OK, weft_value_get_count(map, &count));
  CHECK_INT(6, count);
  CHECK_TEXT("B:file", entry(map, 0));
  CHECK_TEXT("b:file", entry(map, 1));
  CHECK_TEXT("dir:directory", entry(map, 2));
  CHECK_TEXT("fifo:fifo", entry(map, 3));
  CHECK_TEXT("link:link", entry(map, 4));
  CHECK_TEXT("\xC3\xA9:file", entry(map, 5));
  weft_value_unref(map);
}

FILE_TEST("an empty directory has no names; what is no directory, an error") {
  uint64_t value;
  size_t count = 1;
  CHECK_INT(WEFT_OK, weft_fs_readdir(rt, files_dir, &value));
  CHECK_INT(WEFT_OK,
            weft_value_get_count((weft_value *)(uintptr_t)value, &count));
  CHECK_INT(0, count);
  drop_value(value);
  plain_write("file", "x");
  CHECK_INT(WEFT_ENOTDIR, weft_fs_readdir(rt, at("file"), &value));
  CHECK_INT(WEFT_ENOENT, weft_fs_readdir(rt, at("none"), &value));
  CHECK_INT(0, value);
}

static int readdir_once(void *arg) {
  uint64_t value;
  int status = weft_fs_readdir(arg, files_dir, &value);
  drop_value(value);
  return status;
}

FILE_TEST("want of memory in a listing leaves nothing behind") {
  plain_write("a", "");
  plain_write("b", "");
  CHECK_INT(WEFT_OK, readdir_once(rt));
  CHECK(failing_each(readdir_once, rt) >= 6);
}

/* -- Removing ------------------------------------------------------------- */

FILE_TEST("remove_all takes a tree away, and follows no link out of it") {
  CHECK_INT(0, mkdir(at("kept"), 0755));
  plain_write("kept/file", "kept");
  CHECK_INT(WEFT_OK, weft_fs_mkdir(rt, at("tree/a/b"), 0755, 1));
  plain_write("tree/file", "x");
  plain_write("tree/a/b/file", "x");
  CHECK_INT(0, symlink("../kept", at("tree/link")));
  CHECK_INT(WEFT_OK, weft_fs_remove_all(rt, at("tree")));
  CHECK(!exists("tree"));
  CHECK_TEXT("kept", plain_read("kept/file"));
}

FILE_TEST("remove_all takes a file and a link, not what the link says") {
  CHECK_INT(0, mkdir(at("kept"), 0755));
  plain_write("kept/file", "kept");
  plain_write("file", "x");
  CHECK_INT(0, symlink("kept", at("link")));
  CHECK_INT(WEFT_OK, weft_fs_remove_all(rt, at("file")));
  CHECK_INT(WEFT_ENOTDIR, weft_fs_remove_all(rt, at("link/")));
  CHECK_INT(WEFT_OK, weft_fs_remove_all(rt, at("link")));
  CHECK_INT(1, count_names());
  CHECK_TEXT("kept", plain_read("kept/file"));
  CHECK_INT(WEFT_ENOENT, weft_fs_remove_all(rt, at("none")));
}

FILE_TEST("remove_all tells what it cannot remove") {
  if (!mount_small("disk", 65536, 0))
    return; /* not root */
  CHECK_INT(WEFT_EBUSY_OS, weft_fs_remove_all(rt, at("disk")));
  unmount("disk");
}

FILE_TEST("a deep tree needs a descriptor for each level, and says if not") {
  char path[2048] = "deep";
  struct rlimit old, few;
  while (strlen(path) < 300)
    strcat(path, "/d");
  char full[2200];
  snprintf(full, sizeof(full), "%s/%s", files_dir, path);
  CHECK_INT(WEFT_OK, weft_fs_mkdir(rt, full, 0755, 1));
  CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &old));
  few = old;
  few.rlim_cur = 64;
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &few));
  CHECK_INT(WEFT_EMFILE, weft_fs_remove_all(rt, at("deep")));
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &old));
  CHECK_INT(WEFT_OK, weft_fs_remove_all(rt, at("deep")));
  CHECK_INT(0, count_names());
}
