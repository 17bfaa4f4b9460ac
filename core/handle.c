/* SPDX-License-Identifier: MIT
 * handle.c - the slot map: from a number to an object, with kind and
 * generation checked.
 *
 * A handle is generation, kind and slot side by side, 53 bits in all, so that
 * a double holds it. A free slot keeps the handle it will give out next with
 * the kind left out, which no look-up can match. The slot whose generations
 * are used up is retired instead of freed: a handle is never given out twice,
 * so a stale one is always found out. That costs 16 bytes for every 16 million
 * objects. Generations begin at a number that differs from runtime to runtime,
 * so that one's handle is as good as never another's. */
#include "io.h"
#include "work.h"

#define SLOT_MASK ((1u << WEFT__SLOT_BITS) - 1)
#define GENERATION_SHIFT (WEFT__SLOT_BITS + WEFT__KIND_BITS)
#define GENERATION_MAX ((UINT64_C(1) << (53 - GENERATION_SHIFT)) - 1)
#define NO_SLOT UINT32_MAX

_Static_assert(KIND_COUNT <= 1 << WEFT__KIND_BITS, "a kind fits its bits");

/* 0 is none of them. */
static uint64_t next_generation(uint64_t generation) {
  return generation == GENERATION_MAX ? 1 : generation + 1;
}

void weft__handle_init(weft_runtime *rt) {
  uint64_t mixed =
      (uv_hrtime() ^ (uint64_t)(uintptr_t)rt) * UINT64_C(0x9E3779B97F4A7C15);
  rt->handles.first_free = NO_SLOT;
  rt->handles.first_generation =
      (uint32_t)next_generation((mixed >> 40) & GENERATION_MAX);
}

static int grow(struct handle_table *table) {
  if (table->capacity > SLOT_MASK)
    return WEFT_ENOMEM;
  uint32_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
  struct slot *slots = weft__resize(
      table->slots, table->capacity * sizeof *slots, capacity * sizeof *slots);
  if (slots == NULL)
    return WEFT_ENOMEM;
  table->slots = slots;
  table->capacity = capacity;
  return WEFT_OK;
}

/* A slot that nobody has, or NO_SLOT for want of memory. */
static uint32_t take_slot(struct handle_table *table) {
  uint32_t index = table->first_free;
  if (index != NO_SLOT) {
    table->first_free = (uint32_t)(uintptr_t)table->slots[index].object;
    return index;
  }
  if (table->count == table->capacity && grow(table) != WEFT_OK)
    return NO_SLOT;
  index = table->count++;
  table->slots[index].handle =
      (uint64_t)table->first_generation << GENERATION_SHIFT | index;
  return index;
}

int weft__handle_new(weft_runtime *rt, enum kind kind, void *object,
                     uint64_t *handle) {
  *handle = 0;
  uint32_t index = take_slot(&rt->handles);
  if (index == NO_SLOT)
    return WEFT_ENOMEM;
  struct slot *slot = &rt->handles.slots[index];
  slot->object = object;
  slot->handle |= (uint64_t)kind << WEFT__SLOT_BITS;
  *handle = slot->handle;
  return WEFT_OK;
}

void weft__handle_free(weft_runtime *rt, uint64_t handle) {
  if (handle == 0)
    return;
  uint32_t index = (uint32_t)handle & SLOT_MASK;
  struct slot *slot = &rt->handles.slots[index];
  assert(slot->handle == handle);
  uint64_t generation = next_generation(handle >> GENERATION_SHIFT);
  slot->handle = 0;
  if (generation == rt->handles.first_generation)
    return; /* retired */
  slot->handle = generation << GENERATION_SHIFT | index;
  slot->object = (void *)(uintptr_t)rt->handles.first_free;
  rt->handles.first_free = index;
}

int weft__object_new(weft_runtime *rt, enum kind kind, size_t size_bytes,
                     void *object, uint64_t *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  void *made = weft__alloc(size_bytes);
  if (made == NULL)
    return WEFT_ENOMEM;
  int status = weft__handle_new(rt, kind, made, handle);
  if (status != WEFT_OK)
    weft__free(made, size_bytes);
  else
    *(void **)object = made;
  return status;
}

/* -- The end of the runtime ----------------------------------------------- */

static void dispose(weft_runtime *rt, enum kind kind, void *object) {
  static void (*const disposers[KIND_COUNT])(weft_runtime *, void *) = {
      [KIND_TIMER] = weft__call_dispose,
      [KIND_WAITLIST] = weft__waitlist_dispose,
      [KIND_EVENT] = weft__event_dispose,
      [KIND_SEMAPHORE] = weft__semaphore_dispose,
      [KIND_QUEUE] = weft__queue_dispose,
      [KIND_BARRIER] = weft__barrier_dispose,
      [KIND_SENDER] = weft__sender_dispose,
      [KIND_RECEIVER] = weft__receiver_dispose,
      [KIND_FUTURE] = weft__future_dispose,
      [KIND_WATCH] = weft__watch_dispose,
      [KIND_RESOLVE] = weft__resolve_dispose,
      [KIND_STREAM] = weft__stream_dispose,
      [KIND_LISTENER] = weft__listener_dispose,
      [KIND_UDP] = weft__udp_dispose,
      [KIND_PROCESS] = weft__process_dispose,
      [KIND_SIGNALS] = weft__signals_dispose,
      [KIND_LOCK] = weft__lock_dispose,
      [KIND_LIMITER] = weft__limiter_dispose,
      [KIND_CONDITION] = weft__condition_dispose,
      [KIND_CONTEXT_VAR] = weft__context_var_dispose,
      [KIND_CONTEXT] = weft__context_dispose,
      [KIND_FILE] = weft__file_dispose,
      [KIND_FS_WATCH] = weft__fs_watch_dispose,
      [KIND_WORKERS] = weft__workers_dispose,
      [KIND_WORK] = weft__work_dispose,
      [KIND_TASK] = weft__task_dispose,
  };
  if (disposers[kind] != NULL)
    disposers[kind](rt, object);
}

/* Closes what the slot stands for; false if that is nothing. */
static bool close_slot(weft_runtime *rt, uint32_t index) {
  struct slot *slot = &rt->handles.slots[index];
  uint64_t handle = slot->handle;
  enum kind kind = weft__handle_kind(handle);
  if (kind == KIND_NONE)
    return false;
  void *object = slot->object;
  slot->object = NULL; /* the host's drop functions find the handle stale */
  dispose(rt, kind, object);
  if (rt->handles.slots[index].handle == handle)
    weft__handle_free(rt, handle);
  return true;
}

bool weft__handle_close_all(weft_runtime *rt) {
  bool closed = false;
  for (uint32_t i = 0; i < rt->handles.count; i++)
    closed |= close_slot(rt, i);
  return closed;
}
