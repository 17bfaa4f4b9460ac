/* SPDX-License-Identifier: MIT
 * test_alloc.c - the allocator's hook, libuv's share of it, and pools. */
#include "../core.h"
#include "check.h"
#include "failing.h"

enum { BLOCKS = 1000, BLOCK_BYTES = 40 };

static bool is_filled(const unsigned char *bytes, size_t count,
                      unsigned char with) {
  for (size_t i = 0; i < count; i++)
    if (bytes[i] != with)
      return false;
  return true;
}

/* -- The hook ------------------------------------------------------------- */

TEST("memory is zeroed, also from a hook that leaves junk in it") {
  failing_install();
  unsigned char *block = weft__alloc(100);
  CHECK(block != NULL && is_filled(block, 100, 0));
  weft__free(block, 100);
  CHECK_INT(0, failing_live());
}

TEST("memory is zeroed without a hook too") {
  /* Freed first, so that the C library has a dirty block at hand. */
  unsigned char *dirty = weft__alloc(100);
  CHECK(dirty != NULL);
  memset(dirty, 0xA5, 100);
  weft__free(dirty, 100);
  unsigned char *block = weft__alloc(100);
  CHECK(block != NULL && is_filled(block, 100, 0));
  weft__free(block, 100);
}

TEST("resizing keeps what was there, grown or shrunk") {
  failing_install();
  unsigned char *block = weft__resize(NULL, 0, 8);
  CHECK(block != NULL);
  memset(block, 7, 8);
  block = weft__resize(block, 8, 4000);
  CHECK(block != NULL && is_filled(block, 8, 7));
  block = weft__resize(block, 4000, 4);
  CHECK(block != NULL && is_filled(block, 4, 7));
  CHECK_INT(4, failing_live_bytes());
  CHECK(weft__resize(block, 4, 0) == NULL);
  CHECK_INT(0, failing_live());
}

TEST("resizing works without a hook too") {
  unsigned char *block = weft__resize(NULL, 0, 8);
  CHECK(block != NULL);
  memset(block, 7, 8);
  block = weft__resize(block, 8, 4000);
  CHECK(block != NULL && is_filled(block, 8, 7));
  CHECK(weft__resize(block, 4000, 0) == NULL);
}

TEST("a resize that fails leaves the old block alone") {
  failing_install();
  unsigned char *block = weft__resize(NULL, 0, 8);
  CHECK(block != NULL);
  memset(block, 7, 8);
  failing_after(1);
  CHECK(weft__resize(block, 8, 16) == NULL);
  CHECK(failing_has_failed());
  CHECK(is_filled(block, 8, 7));
  weft__free(block, 8);
  CHECK_INT(0, failing_live());
}

TEST("freeing nothing is fine") {
  failing_install();
  weft__free(NULL, 8);
  weft__free_text(NULL);
  CHECK_INT(0, failing_allocations());
}

static int copy_text(void *arg) {
  char *copy = weft__copy_text(arg);
  if (copy == NULL)
    return WEFT_ENOMEM;
  CHECK(copy != (char *)arg);
  CHECK_TEXT(arg, copy);
  weft__free_text(copy);
  return WEFT_OK;
}

TEST("a text is copied, or there is no memory and nothing is left") {
  char hello[] = "hello", empty[] = "";
  failing_install();
  CHECK_INT(1, failing_each(copy_text, hello));
  CHECK_INT(1, failing_each(copy_text, empty));
}

static void *counting_hook(void *arg, void *ptr, size_t old_bytes,
                           size_t new_bytes) {
  (void)old_bytes;
  ++*(int *)arg;
  if (new_bytes > 0)
    return realloc(ptr, new_bytes);
  free(ptr);
  return NULL;
}

TEST("the hook gets its own argument, for each request and each free") {
  int calls = 0;
  CHECK_INT(WEFT_OK, weft_set_allocator(counting_hook, &calls));
  void *block = weft__alloc(1);
  CHECK_INT(1, calls);
  weft__free(block, 1);
  CHECK_INT(2, calls);
}

TEST("the hook may be changed until something was allocated, not after") {
  int calls = 0;
  CHECK_INT(WEFT_OK, weft_set_allocator(counting_hook, &calls));
  CHECK_INT(WEFT_OK, weft_set_allocator(NULL, NULL));
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_nil(&value));
  CHECK_INT(0, calls);
  CHECK_INT(WEFT_ESTATE, weft_set_allocator(counting_hook, &calls));
  weft_value_unref(value);
  CHECK_INT(0, calls);
  CHECK_INT(WEFT_ESTATE, weft_set_allocator(NULL, NULL));
}

TEST("a request that the hook refused counts as the first allocation") {
  failing_install();
  failing_after(1);
  CHECK(weft__alloc(1) == NULL);
  CHECK_INT(WEFT_ESTATE, weft_set_allocator(NULL, NULL));
}

/* -- libuv ----------------------------------------------------------------
 * These use the library's own adapters, which failing_install goes around. */

static void install_for_libuv(void) {
  CHECK_INT(WEFT_OK, weft_set_allocator(failing_hook, NULL));
}

static int open_loop(void *arg) {
  (void)arg;
  uv_loop_t loop;
  int status = weft__status_from_uv(uv_loop_init(&loop));
  if (status != WEFT_OK)
    return status;
  CHECK_INT(0, uv_loop_close(&loop));
  return WEFT_OK;
}

TEST("libuv's memory goes through the hook, and all of it comes back") {
  install_for_libuv();
  CHECK_INT(WEFT_OK, open_loop(NULL));
  CHECK(failing_allocations() > 0);
  CHECK_INT(0, failing_live());
  CHECK_INT(0, failing_live_bytes());
}

static void ignore_result(uv_fs_t *request) {
  CHECK_INT(0, request->result);
}

/* A request that libuv keeps copies its path. */
static int look_at_root(void *arg) {
  uv_fs_t request;
  int uv_code = uv_fs_stat(arg, &request, "/", ignore_result);
  if (uv_code == 0)
    CHECK_INT(0, uv_run(arg, UV_RUN_DEFAULT));
  uv_fs_req_cleanup(&request);
  return weft__status_from_uv(uv_code);
}

TEST("libuv is told when there is no memory, and nothing is left") {
  install_for_libuv();
  uv_loop_t loop;
  CHECK_INT(0, uv_loop_init(&loop));
  CHECK_INT(1, failing_each(look_at_root, &loop));
  CHECK_INT(0, uv_loop_close(&loop));
  CHECK_INT(0, failing_live());
}

/* What a loop measures lies in a block of calloc's, and nothing was measured
 * yet. */
TEST("libuv gets zeroed memory where it asks for that") {
  install_for_libuv();
  uv_loop_t loop;
  CHECK_INT(0, uv_loop_init(&loop));
  CHECK_INT(0, uv_metrics_idle_time(&loop));
  CHECK_INT(0, uv_loop_close(&loop));
}

TEST("libuv's small blocks are counted one by one") {
  install_for_libuv();
  setenv("WEFT_TEST", "a value", 1);
  uv_env_item_t *items;
  int count, found = 0;
  CHECK_INT(0, uv_os_environ(&items, &count));
  for (int i = 0; i < count; i++)
    if (strcmp(items[i].name, "WEFT_TEST") == 0)
      found++, CHECK_TEXT("a value", items[i].value);
  CHECK_INT(1, found);
  CHECK_INT(count + 1, failing_live());
  uv_os_free_environ(items, count);
  CHECK_INT(0, failing_live());
}

/* A loop that watches ever more descriptors makes its table larger; it finds
 * each of them there again when it closes them. */
TEST("what libuv resizes keeps its contents and its size") {
  enum { PIPES = 60 };
  install_for_libuv();
  uv_loop_t loop;
  uv_poll_t polls[PIPES];
  int ends[PIPES][2];
  CHECK_INT(0, uv_loop_init(&loop));
  size_t before = failing_live_bytes();
  for (int i = 0; i < PIPES; i++) {
    CHECK_INT(0, pipe(ends[i]));
    CHECK_INT(0, uv_poll_init(&loop, &polls[i], ends[i][0]));
    CHECK_INT(0, uv_poll_start(&polls[i], UV_READABLE, NULL));
  }
  CHECK(failing_live_bytes() > before);
  for (int i = 0; i < PIPES; i++)
    uv_close((uv_handle_t *)&polls[i], NULL);
  CHECK_INT(0, uv_run(&loop, UV_RUN_DEFAULT));
  CHECK_INT(0, uv_loop_close(&loop));
  CHECK_INT(0, failing_live());
}

TEST("libuv is given its own allocator back with NULL") {
  int calls = 0;
  CHECK_INT(WEFT_OK, weft_set_allocator(counting_hook, &calls));
  CHECK_INT(WEFT_OK, weft_set_allocator(NULL, NULL));
  CHECK_INT(WEFT_OK, open_loop(NULL));
  CHECK_INT(0, calls);
}

TEST("the hook cannot be changed once libuv has memory of it") {
  install_for_libuv();
  CHECK_INT(WEFT_OK, open_loop(NULL));
  CHECK_INT(WEFT_ESTATE, weft_set_allocator(NULL, NULL));
}

/* -- The failing allocator itself ----------------------------------------- */

TEST("the failing allocator counts blocks, bytes and requests") {
  failing_install();
  void *one = weft__alloc(10), *two = weft__alloc(20);
  CHECK_INT(2, failing_live());
  CHECK_INT(30, failing_live_bytes());
  one = weft__resize(one, 10, 100);
  CHECK_INT(2, failing_live());
  CHECK_INT(120, failing_live_bytes());
  CHECK_INT(3, failing_allocations());
  weft__free(one, 100);
  weft__free(two, 20);
  CHECK_INT(0, failing_live());
  CHECK_INT(0, failing_live_bytes());
  CHECK_INT(3, failing_allocations());
}

TEST("the failing allocator fails the one request it was told to") {
  failing_install();
  failing_after(2);
  char *one = weft__alloc(1);
  CHECK(one != NULL && !failing_has_failed());
  CHECK(weft__alloc(1) == NULL && failing_has_failed());
  char *three = weft__alloc(1);
  CHECK(three != NULL);
  weft__free(one, 1);
  weft__free(three, 1);
}

TEST("with the failing allocator a loop can be opened or is refused cleanly") {
  failing_install();
  CHECK(failing_each(open_loop, NULL) > 0);
  CHECK_INT(0, failing_live());
}

/* -- Pools ---------------------------------------------------------------- */

TEST("a pool gives blocks that are apart, aligned and large enough") {
  static void *blocks[BLOCKS];
  struct pool pool;
  failing_install();
  weft__pool_init(&pool, BLOCK_BYTES);
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = weft__pool_take(&pool);
    CHECK(blocks[i] != NULL);
    CHECK_INT(0, (uintptr_t)blocks[i] % _Alignof(max_align_t));
    memset(blocks[i], i % 251, BLOCK_BYTES);
  }
  for (int i = 0; i < BLOCKS; i++)
    CHECK(is_filled(blocks[i], BLOCK_BYTES, (unsigned char)(i % 251)));
  weft__pool_clear(&pool);
  CHECK_INT(0, failing_live());
}

TEST("a warm pool allocates nothing") {
  static void *blocks[BLOCKS];
  struct pool pool;
  failing_install();
  weft__pool_init(&pool, BLOCK_BYTES);
  for (int i = 0; i < BLOCKS; i++)
    blocks[i] = weft__pool_take(&pool);
  long before = failing_allocations();
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < BLOCKS; i++)
      weft__pool_give(&pool, blocks[i]);
    for (int i = 0; i < BLOCKS; i++)
      blocks[i] = weft__pool_take(&pool);
  }
  CHECK_INT(before, failing_allocations());
  weft__pool_clear(&pool);
}

TEST("a pool begins small and asks for ever larger slabs") {
  struct pool pool;
  failing_install();
  weft__pool_init(&pool, 64);
  CHECK_INT(0, failing_live());
  CHECK(weft__pool_take(&pool) != NULL);
  CHECK(failing_live_bytes() <= 4096);
  for (int i = 1; i < 16384; i++) /* 1 MiB */
    CHECK(weft__pool_take(&pool) != NULL);
  CHECK(failing_live() <= 21);
  CHECK(failing_live_bytes() < (1 << 20) + (1 << 17) + 4096);
  for (int i = 0; i < 16384 * 31; i++) /* 32 MiB */
    CHECK(weft__pool_take(&pool) != NULL);
  CHECK(failing_live() <= 80);
  CHECK(failing_live_bytes() < 34 << 20);
  weft__pool_clear(&pool);
  CHECK_INT(0, failing_live());
}

TEST("a block larger than a slab gets a slab of its own") {
  struct pool pool;
  failing_install();
  weft__pool_init(&pool, 100000);
  char *one = weft__pool_take(&pool), *two = weft__pool_take(&pool);
  CHECK(one != NULL && two != NULL);
  memset(one, 1, 100000);
  memset(two, 2, 100000);
  CHECK_INT(2, failing_live());
  weft__pool_clear(&pool);
  CHECK_INT(0, failing_live());
}

TEST("a pool's blocks hold at least the pool's own link") {
  struct pool pool;
  failing_install();
  weft__pool_init(&pool, 1);
  void *one = weft__pool_take(&pool), *two = weft__pool_take(&pool);
  weft__pool_give(&pool, one);
  weft__pool_give(&pool, two);
  CHECK(weft__pool_take(&pool) == two);
  CHECK(weft__pool_take(&pool) == one);
  weft__pool_clear(&pool);
}

TEST("a pool without memory stays as it was and can be asked again") {
  struct pool pool;
  failing_install();
  weft__pool_init(&pool, BLOCK_BYTES);
  failing_after(1);
  CHECK(weft__pool_take(&pool) == NULL);
  CHECK(failing_has_failed());
  CHECK(weft__pool_take(&pool) != NULL);
  weft__pool_clear(&pool);
  CHECK_INT(0, failing_live());
}

TEST("a cleared pool can be used again") {
  struct pool pool;
  failing_install();
  weft__pool_init(&pool, BLOCK_BYTES);
  CHECK(weft__pool_take(&pool) != NULL);
  weft__pool_clear(&pool);
  CHECK(weft__pool_take(&pool) != NULL);
  weft__pool_clear(&pool);
  CHECK_INT(0, failing_live());
}
