/* SPDX-License-Identifier: MIT
 * test_fs_stat.c - what is known of a file. */
#include "files.h"

static weft_value *stat_of(weft_runtime *rt, const char *path, int follow) {
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_fs_stat(rt, path, follow, &value));
  return (weft_value *)(uintptr_t)value;
}

static weft_value *field(weft_value *map, const char *name) {
  weft_value *key, *item;
  const char *text;
  size_t count = 0, length;
  weft_value_get_count(map, &count);
  for (size_t i = 0; i < count; i++) {
    CHECK_INT(WEFT_OK, weft_value_get_key(map, i, &key));
    CHECK_INT(WEFT_OK, weft_value_get_bytes(key, &text, &length));
    CHECK_INT(WEFT_OK, weft_value_get_item(map, i, &item));
    if (strcmp(text, name) == 0)
      return item;
  }
  return NULL;
}

static int64_t number(weft_value *map, const char *name) {
  int64_t result = -1;
  CHECK_INT(WEFT_OK, weft_value_get_int(field(map, name), &result));
  return result;
}

static const char *type(weft_value *map) {
  const char *text = "(none)";
  size_t length;
  CHECK_INT(WEFT_OK, weft_value_get_bytes(field(map, "type"), &text, &length));
  return text;
}

FILE_TEST("all that the system knows is in the map, times in nanoseconds") {
  struct stat info;
  plain_write("file", "12345");
  CHECK_INT(0, chmod(at("file"), 04755));
  CHECK_INT(0, stat(at("file"), &info));
  weft_value *map = stat_of(rt, at("file"), 1);
  CHECK_TEXT("file", type(map));
  CHECK_INT(04755, number(map, "mode"));
  CHECK_INT(5, number(map, "size"));
  CHECK_INT(info.st_uid, number(map, "uid"));
  CHECK_INT(info.st_gid, number(map, "gid"));
  CHECK_INT(info.st_nlink, number(map, "nlink"));
  CHECK_INT(info.st_ino, number(map, "ino"));
  CHECK_INT(info.st_dev, number(map, "dev"));
  CHECK_INT(info.st_rdev, number(map, "rdev"));
  CHECK_INT(info.st_blksize, number(map, "blksize"));
  CHECK_INT(info.st_blocks, number(map, "blocks"));
  CHECK_INT(info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec,
            number(map, "mtime_ns"));
  CHECK_INT(info.st_atim.tv_sec * 1000000000 + info.st_atim.tv_nsec,
            number(map, "atime_ns"));
  CHECK_INT(info.st_ctim.tv_sec * 1000000000 + info.st_ctim.tv_nsec,
            number(map, "ctime_ns"));
  CHECK(field(map, "birthtime_ns") != NULL);
  weft_value_unref(map);
}

FILE_TEST("a link is followed, or not") {
  plain_write("file", "x");
  CHECK_INT(0, symlink("file", at("link")));
  CHECK_INT(0, symlink("nowhere", at("loose")));
  weft_value *followed = stat_of(rt, at("link"), 1);
  weft_value *itself = stat_of(rt, at("link"), 0);
  uint64_t value;
  CHECK_TEXT("file", type(followed));
  CHECK_TEXT("link", type(itself));
  CHECK_INT(WEFT_ENOENT, weft_fs_stat(rt, at("loose"), 1, &value));
  CHECK_INT(0, value);
  weft_value_unref(followed);
  weft_value_unref(itself);
}

FILE_TEST("each type has its name") {
  static const char *const devices[][2] = {{"/dev/null", "char"},
                                           {"/", "directory"}};
  for (size_t i = 0; i < 2; i++) {
    weft_value *map = stat_of(rt, devices[i][0], 1);
    CHECK_TEXT(devices[i][1], type(map));
    weft_value_unref(map);
  }
  CHECK_INT(0, mkfifo(at("fifo"), 0600));
  weft_value *map = stat_of(rt, at("fifo"), 1);
  CHECK_TEXT("fifo", type(map));
  weft_value_unref(map);
}
