/* SPDX-License-Identifier: MIT
 * test_fs.c - calls on paths. */
#include "files.h"

/* -- Removing and renaming ------------------------------------------------ */

FILE_TEST("remove takes away a file, a link and an empty directory") {
  plain_write("file", "x");
  CHECK_INT(0, symlink("nowhere", at("link")));
  CHECK_INT(0, mkdir(at("folder"), 0755));
  CHECK_INT(WEFT_OK, weft_fs_remove(rt, at("file")));
  CHECK_INT(WEFT_OK, weft_fs_remove(rt, at("link")));
  CHECK_INT(WEFT_OK, weft_fs_remove(rt, at("folder")));
  CHECK_INT(0, count_names());
  CHECK_INT(WEFT_ENOENT, weft_fs_remove(rt, at("file")));
}

FILE_TEST("remove leaves a directory with something in it") {
  CHECK_INT(0, mkdir(at("folder"), 0755));
  plain_write("folder/file", "x");
  CHECK_INT(WEFT_ENOTEMPTY, weft_fs_remove(rt, at("folder")));
  CHECK_TEXT("x", plain_read("folder/file"));
  CHECK_INT(WEFT_ENOTDIR, weft_fs_remove(rt, at("folder/file/below")));
}

FILE_TEST("rename replaces a file, and moves a directory") {
  plain_write("one", "1");
  plain_write("two", "2");
  CHECK_INT(WEFT_OK, weft_fs_rename(rt, at("one"), at("two")));
  CHECK_TEXT("1", plain_read("two"));
  CHECK(!exists("one"));
  CHECK_INT(0, mkdir(at("folder"), 0755));
  CHECK_INT(WEFT_OK, weft_fs_rename(rt, at("folder"), at("moved")));
  CHECK(exists("moved"));
  CHECK_INT(WEFT_ENOENT, weft_fs_rename(rt, at("folder"), at("again")));
  CHECK_INT(WEFT_EINVAL_OS, weft_fs_rename(rt, at("moved"), at("moved/in")));
}

/* -- Links ---------------------------------------------------------------- */

static const char *text_of(uint64_t value) {
  return take_text((weft_value *)(uintptr_t)value);
}

FILE_TEST("a link has two names for one file, a symbolic link says a path") {
  uint64_t value;
  plain_write("file", "same");
  CHECK_INT(WEFT_OK, weft_fs_link(rt, at("file"), at("twin")));
  CHECK_INT(WEFT_OK, weft_fs_symlink(rt, "file", at("link")));
  CHECK_TEXT("same", plain_read("twin"));
  CHECK_TEXT("same", plain_read("link"));
  CHECK_INT(WEFT_OK, weft_fs_readlink(rt, at("link"), &value));
  CHECK_TEXT("file", text_of(value));
  CHECK_INT(WEFT_EEXIST, weft_fs_symlink(rt, "file", at("link")));
  CHECK_INT(WEFT_EINVAL_OS, weft_fs_readlink(rt, at("file"), &value));
  CHECK_INT(0, value);
}

FILE_TEST("realpath gives the path without links and dots") {
  uint64_t value;
  char expected[160];
  plain_write("file", "x");
  CHECK_INT(0, symlink("file", at("link")));
  CHECK_INT(WEFT_OK, weft_fs_realpath(rt, at("./link"), &value));
  snprintf(expected, sizeof(expected), "%s/file", files_dir);
  CHECK_TEXT(expected, text_of(value));
  CHECK_INT(0, symlink("circle", at("circle")));
  CHECK_INT(WEFT_ELOOP, weft_fs_realpath(rt, at("circle"), &value));
}

/* -- Permissions and times ------------------------------------------------ */

FILE_TEST("chmod sets the permissions, access asks for them") {
  struct stat info;
  plain_write("file", "x");
  CHECK_INT(WEFT_OK, weft_fs_chmod(rt, at("file"), 0640));
  CHECK_INT(0, stat(at("file"), &info));
  CHECK_INT(0640, info.st_mode & 07777);
  CHECK_INT(WEFT_OK, weft_fs_access(rt, at("file"), 4));
  CHECK_INT(WEFT_OK, weft_fs_access(rt, at("file"), 0));
  CHECK_INT(WEFT_EACCES, weft_fs_access(rt, at("file"), 1));
  CHECK_INT(WEFT_ENOENT, weft_fs_access(rt, at("none"), 0));
  CHECK_INT(WEFT_EINVAL, weft_fs_access(rt, at("file"), 8));
  CHECK_INT(WEFT_EINVAL, weft_fs_chmod(rt, at("file"), 010000));
  CHECK_INT(WEFT_EINVAL, weft_fs_chmod(rt, at("file"), -1));
}

FILE_TEST("utime sets the times") {
  struct stat info;
  plain_write("file", "x");
  CHECK_INT(WEFT_OK, weft_fs_utime(rt, at("file"), 1000.5, 2000.25));
  CHECK_INT(0, stat(at("file"), &info));
  CHECK_INT(1000, info.st_atim.tv_sec);
  CHECK_INT(500000000, info.st_atim.tv_nsec);
  CHECK_INT(2000, info.st_mtim.tv_sec);
  CHECK_INT(250000000, info.st_mtim.tv_nsec);
  CHECK_INT(WEFT_EINVAL, weft_fs_utime(rt, at("file"), 0.0 / 0.0, 0));
  CHECK_INT(WEFT_ENOENT, weft_fs_utime(rt, at("none"), 0, 0));
}

/* -- Temporary directories ------------------------------------------------ */

FILE_TEST("mkdtemp makes a directory of one's own") {
  uint64_t one, two;
  struct stat info;
  char first[160];
  CHECK_INT(WEFT_OK, weft_fs_mkdtemp(rt, at("temp-"), &one));
  CHECK_INT(WEFT_OK, weft_fs_mkdtemp(rt, at("temp-"), &two));
  snprintf(first, sizeof(first), "%s", text_of(one));
  CHECK(strcmp(first, text_of(two)) != 0);
  CHECK_INT(0, strncmp(first, at("temp-"), strlen(at("temp-"))));
  CHECK_INT(0, stat(first, &info));
  CHECK(S_ISDIR(info.st_mode));
  CHECK_INT(0700, info.st_mode & 07777);
  CHECK_INT(WEFT_ENOENT, weft_fs_mkdtemp(rt, at("none/temp-"), &one));
  CHECK_INT(0, one);
}

/* -- A file system that takes nothing ------------------------------------- */

FILE_TEST("on a read-only file system all of them say so") {
  uint64_t value;
  if (!mount_small("disk", 65536, 0))
    return; /* not root */
  plain_write("disk/file", "x");
  CHECK_INT(0, mount(NULL, at("disk"), NULL, MS_REMOUNT | MS_RDONLY, NULL));
  CHECK_INT(WEFT_EROFS, weft_fs_remove(rt, at("disk/file")));
  CHECK_INT(WEFT_EROFS, weft_fs_rename(rt, at("disk/file"), at("disk/new")));
  CHECK_INT(WEFT_EROFS, weft_fs_link(rt, at("disk/file"), at("disk/new")));
  CHECK_INT(WEFT_EROFS, weft_fs_symlink(rt, "x", at("disk/new")));
  CHECK_INT(WEFT_EROFS, weft_fs_chmod(rt, at("disk/file"), 0600));
  CHECK_INT(WEFT_EROFS, weft_fs_utime(rt, at("disk/file"), 0, 0));
  CHECK_INT(WEFT_EROFS, weft_fs_access(rt, at("disk/file"), 2));
  CHECK_INT(WEFT_EROFS, weft_fs_mkdtemp(rt, at("disk/x"), &value));
  CHECK_INT(WEFT_EROFS, weft_fs_mkdir(rt, at("disk/new"), 0755, 0));
  CHECK_INT(WEFT_EROFS, weft_fs_mkdir(rt, at("disk/a/b"), 0755, 1));
  CHECK_INT(WEFT_OK, weft_fs_mkdir(rt, at("disk"), 0755, 1));
  CHECK_INT(WEFT_EROFS, weft_fs_remove_all(rt, at("disk/file")));
  CHECK_INT(WEFT_EROFS,
            weft_fs_copy_file(rt, at("disk/file"), at("disk/new"), 0));
  CHECK_INT(WEFT_EROFS, weft_fs_write_file(rt, at("disk/file"), "y", 1,
                                           WEFT_WRITE_ATOMIC, &value));
  CHECK_INT(WEFT_EROFS,
            weft_fs_write_file(rt, at("disk/file"), "y", 1, 0, &value));
  CHECK_INT(WEFT_EROFS,
            weft_file_open(rt, at("disk/new"), CREATE, 0644, &value));
  CHECK_TEXT("x", plain_read("disk/file"));
  unmount("disk");
}

/* -- Want of memory ------------------------------------------------------- */

static int rename_once(void *arg) {
  int status = weft_fs_rename(arg, at("one"), at("two"));
  if (status == WEFT_OK)
    CHECK_INT(0, rename(at("two"), at("one")));
  return status;
}

static int realpath_once(void *arg) {
  uint64_t value;
  int status = weft_fs_realpath(arg, files_dir, &value);
  drop_value(value);
  return status;
}

static int readlink_once(void *arg) {
  uint64_t value;
  int status = weft_fs_readlink(arg, at("link"), &value);
  drop_value(value);
  return status;
}

static int mkdtemp_once(void *arg) {
  uint64_t value;
  int status = weft_fs_mkdtemp(arg, at("t"), &value);
  if (status == WEFT_OK)
    CHECK_INT(0, rmdir(text_of(value)));
  return status;
}

FILE_TEST("want of memory leaves nothing behind") {
  plain_write("one", "1");
  CHECK_INT(0, symlink("one", at("link")));
  CHECK_INT(WEFT_OK, rename_once(rt)); /* the pool has its slab */
  CHECK(failing_each(rename_once, rt) >= 2);
  CHECK(failing_each(realpath_once, rt) >= 2);
  CHECK(failing_each(readlink_once, rt) >= 2);
  CHECK(failing_each(mkdtemp_once, rt) >= 2);
  CHECK_INT(2, count_names());
}
