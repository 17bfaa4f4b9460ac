/* SPDX-License-Identifier: MIT
 * context.c - context variables: values that go with a task or a callback.
 *
 * A context is an array of variables with their values, counted and copied on
 * write: a snapshot is one reference more, and who sets a variable while others
 * hold the same array gets one of its own first. There are few variables, so
 * they are looked for one by one. A variable stands in it by its handle, which
 * is never given out twice: one that is closed is just not found any more.
 *
 * A task keeps its context in its extra, a call in itself; what never sets a
 * variable has none and pays for none. Values may run the host's code when they
 * go, so each is let go of last, when all is in order. */
#include "core.h"

#define CAPACITY_MIN 4

struct binding {
  weft_context_var var;
  weft_value *value; /* not NULL */
};

struct context {
  size_t refs;
  size_t count;
  size_t capacity;
  struct binding bindings[];
};

struct context_var {
  char *name;
  weft_value *fallback; /* NULL: none */
};

/* What a weft_context stands for. */
struct snapshot {
  struct context *context; /* NULL: no variable is set in it */
};

/* -- The array ------------------------------------------------------------ */

static size_t size_of(size_t capacity) {
  return sizeof(struct context) + capacity * sizeof(struct binding);
}

struct context *weft__context_ref(struct context *context) {
  if (context != NULL)
    context->refs++;
  return context;
}

void weft__context_unref(struct context *context) {
  if (context == NULL || --context->refs > 0)
    return;
  for (size_t i = 0; i < context->count; i++)
    weft_value_unref(context->bindings[i].value);
  weft__free(context, size_of(context->capacity));
}

static struct binding *find(struct context *context, weft_context_var var) {
  if (context == NULL)
    return NULL;
  for (size_t i = 0; i < context->count; i++)
    if (context->bindings[i].var == var)
      return &context->bindings[i];
  return NULL;
}

/* A context with the bindings of [old] and room for so many in all. */
static struct context *copy(const struct context *old, size_t wanted) {
  size_t capacity = CAPACITY_MIN;
  while (capacity < wanted)
    capacity *= 2;
  struct context *context = weft__alloc(size_of(capacity));
  if (context == NULL)
    return NULL;
  context->refs = 1;
  context->capacity = capacity;
  context->count = old == NULL ? 0 : old->count;
  for (size_t i = 0; i < context->count; i++) {
    context->bindings[i] = old->bindings[i];
    weft_value_ref(context->bindings[i].value);
  }
  return context;
}

/* Makes *slot a context that nobody else holds, with room for so many bindings
 * more. */
static int make_own(struct context **slot, size_t more) {
  struct context *old = *slot;
  size_t wanted = (old == NULL ? 0 : old->count) + more;
  if (old != NULL && old->refs == 1 && wanted <= old->capacity)
    return WEFT_OK;
  struct context *own = copy(old, wanted);
  if (own == NULL)
    return WEFT_ENOMEM;
  *slot = own;
  weft__context_unref(old); /* its values are held by the copy */
  return WEFT_OK;
}

static int set_in(struct context **slot, weft_context_var var,
                  weft_value *value) {
  bool is_new = find(*slot, var) == NULL;
  int status = make_own(slot, is_new ? 1 : 0);
  if (status != WEFT_OK)
    return status;
  struct context *context = *slot;
  struct binding *binding =
      is_new ? &context->bindings[context->count++] : find(context, var);
  weft_value *old = is_new ? NULL : binding->value;
  *binding = (struct binding){var, weft_value_ref(value)};
  weft_value_unref(old);
  return WEFT_OK;
}

static int clear_in(struct context **slot, weft_context_var var) {
  if (find(*slot, var) == NULL)
    return WEFT_OK;
  int status = make_own(slot, 0);
  if (status != WEFT_OK)
    return status;
  struct context *context = *slot;
  struct binding *binding = find(context, var);
  weft_value *old = binding->value;
  *binding = context->bindings[--context->count];
  weft_value_unref(old);
  return WEFT_OK;
}

/* -- Whose it is ---------------------------------------------------------- */

/* Where the context of the running code is kept. */
static int find_slot(weft_runtime *rt, struct context ***slot) {
  struct task *task = weft__running(rt);
  if (task == NULL) {
    *slot = rt->call == NULL ? NULL : &rt->call->context;
    return rt->call == NULL ? WEFT_ESTATE : WEFT_OK;
  }
  struct task_extra *extra = weft__task_extra(rt, task);
  if (extra == NULL)
    return WEFT_ENOMEM;
  *slot = &extra->context;
  return WEFT_OK;
}

int weft__context_inherit(weft_runtime *rt, struct task *task) {
  struct context *context = weft__context_current(rt);
  if (context == NULL || context->count == 0)
    return WEFT_OK;
  struct task_extra *extra = weft__task_extra(rt, task);
  if (extra == NULL)
    return WEFT_ENOMEM;
  extra->context = weft__context_ref(context);
  return WEFT_OK;
}

/* -- Variables ------------------------------------------------------------ */

int weft_context_var_new(weft_runtime *rt, const char *name,
                         weft_value *fallback, weft_context_var *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (name == NULL)
    return WEFT_EINVAL;
  struct context_var *var = weft__alloc(sizeof *var);
  if (var == NULL)
    return WEFT_ENOMEM;
  var->name = weft__copy_text(name);
  int status = var->name == NULL
                   ? WEFT_ENOMEM
                   : weft__handle_new(rt, KIND_CONTEXT_VAR, var, handle);
  if (status != WEFT_OK) {
    weft__free_text(var->name);
    weft__free(var, sizeof *var);
    return status;
  }
  var->fallback = weft_value_ref(fallback);
  return WEFT_OK;
}

int weft_context_var_close(weft_runtime *rt, weft_context_var handle) {
  struct context_var *var;
  int status = weft__object(rt, handle, KIND_CONTEXT_VAR, &var);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  weft__context_var_dispose(rt, var);
  return WEFT_OK;
}

void weft__context_var_dispose(weft_runtime *rt, void *object) {
  struct context_var *var = object;
  weft_value *fallback = var->fallback;
  (void)rt;
  weft__free_text(var->name);
  weft__free(var, sizeof *var);
  weft_value_unref(fallback);
}

int weft_context_var_get_name(weft_runtime *rt, weft_context_var handle,
                              const char **name) {
  struct context_var *var;
  *name = NULL;
  int status = weft__object(rt, handle, KIND_CONTEXT_VAR, &var);
  if (status != WEFT_OK)
    return status;
  *name = var->name;
  return WEFT_OK;
}

int weft_context_var_get(weft_runtime *rt, weft_context_var handle,
                         weft_value **value) {
  struct context_var *var;
  *value = NULL;
  int status = weft__object(rt, handle, KIND_CONTEXT_VAR, &var);
  if (status != WEFT_OK)
    return status;
  const struct binding *binding = find(weft__context_current(rt), handle);
  *value = binding == NULL ? var->fallback : binding->value;
  return WEFT_OK;
}

int weft_context_var_set(weft_runtime *rt, weft_context_var handle,
                         weft_value *value) {
  struct context_var *var;
  struct context **slot;
  int status = weft__object(rt, handle, KIND_CONTEXT_VAR, &var);
  if (status == WEFT_OK)
    status = find_slot(rt, &slot);
  if (status != WEFT_OK)
    return status;
  return value == NULL ? clear_in(slot, handle) : set_in(slot, handle, value);
}

/* -- Snapshots ------------------------------------------------------------ */

int weft_context_copy(weft_runtime *rt, weft_context *handle) {
  struct snapshot *snapshot;
  int status =
      weft__object_new(rt, KIND_CONTEXT, sizeof *snapshot, &snapshot, handle);
  if (status == WEFT_OK)
    snapshot->context = weft__context_ref(weft__context_current(rt));
  return status;
}

int weft_context_swap(weft_runtime *rt, weft_context handle) {
  struct snapshot *snapshot;
  struct context **slot;
  int status = weft__object(rt, handle, KIND_CONTEXT, &snapshot);
  if (status == WEFT_OK)
    status = find_slot(rt, &slot);
  if (status != WEFT_OK)
    return status;
  struct context *other = snapshot->context;
  snapshot->context = *slot;
  *slot = other;
  return WEFT_OK;
}

int weft_context_close(weft_runtime *rt, weft_context handle) {
  struct snapshot *snapshot;
  int status = weft__object(rt, handle, KIND_CONTEXT, &snapshot);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  weft__context_dispose(rt, snapshot);
  return WEFT_OK;
}

void weft__context_dispose(weft_runtime *rt, void *object) {
  struct snapshot *snapshot = object;
  struct context *context = snapshot->context;
  (void)rt;
  weft__free(snapshot, sizeof *snapshot);
  weft__context_unref(context);
}
