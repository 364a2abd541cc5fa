/* An endpoint's driver in the event loop of Node: see node_loop.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Who holds whom: the handles of libuv hold the loop, which holds the endpoint and the function that is called. The
 * functions in JavaScript hold the memory of the loop, but not what it does: after close() they answer CLOSED.
 */
#include "bindings/node_loop.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/handle.h"

/* ---------------------------------------------------------------------------------------------------------------- libuv */

typedef struct uv_handle_s uv_handle_t;
struct uv_loop_s;
enum { UV_IDLE = 6, UV_POLL = 8 }; /* uv_handle_type */
enum { UV_READABLE = 1 };

extern size_t uv_handle_size(int type);
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void uv_close(uv_handle_t *handle, void (*closed)(uv_handle_t *handle));
extern void uv_ref(uv_handle_t *handle);
extern void uv_unref(uv_handle_t *handle);
extern int uv_poll_init(struct uv_loop_s *loop, uv_handle_t *poll, int descriptor);
extern int uv_poll_start(uv_handle_t *poll, int events, void (*ready)(uv_handle_t *poll, int status, int events));
extern int uv_idle_init(struct uv_loop_s *loop, uv_handle_t *idle);
extern int uv_idle_start(uv_handle_t *idle, void (*turn)(uv_handle_t *idle));
extern int uv_idle_stop(uv_handle_t *idle);

/* ----------------------------------------------------------------------------------------------------------------- life */

/* Batches of events (64) in one turn; then the rest of the program has its turn. */
#define MOST_BATCHES 16

#define ARGUMENT_COUNT 12

struct loop {
  napi_env env;
  struct prtc_handle *handle;
  uv_handle_t *poll, *idle;
  napi_ref endpoint, on_turn;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  unsigned users; /* functions and handles that are still there */
  unsigned open;  /* handles that are not closed yet */
  bool closed;
  bool scheduled;
  bool turning; /* events of a batch are being told: the endpoint is not to be driven */
  char *text; /* room for what is sent */
  size_t text_capacity;
};

static void release(struct loop *loop) {
  if (--loop->users > 0) return;
  free(loop->text);
  free(loop);
}

static void on_closed(uv_handle_t *handle) {
  struct loop *loop = uv_handle_get_data(handle);
  free(handle);
  if (--loop->open == 0 && loop->hook != NULL) {
    (void)napi_remove_async_cleanup_hook(loop->hook);
    loop->hook = NULL;
  }
  release(loop);
}

static void close_loop(struct loop *loop) {
  if (loop->closed) return;
  loop->closed = true;
  loop->handle = NULL;
  uv_close(loop->poll, on_closed);
  uv_close(loop->idle, on_closed);
  (void)napi_delete_reference(loop->env, loop->endpoint);
  (void)napi_delete_reference(loop->env, loop->on_turn);
  (void)napi_async_destroy(loop->env, loop->context);
}

/* The environment ends (a worker was terminated, the process exits), with or without a word from JavaScript. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  close_loop(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  release(data);
}

/* ---------------------------------------------------------------------------------------------------------------- turns */

static napi_value number(napi_env env, double value) {
  napi_value out = NULL;
  (void)napi_create_double(env, value, &out);
  return out;
}

static napi_value text_or_null(napi_env env, const char *text) {
  napi_value out = NULL;
  if (text == NULL || napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &out) != napi_ok) (void)napi_get_null(env, &out);
  return out;
}

/* What cannot be made for the lack of memory is an exception, which napi_make_callback reports. */
static napi_value data_of(napi_env env, const prtc_event *event) {
  napi_value out = NULL;
  void *bytes;
  if (event->data == NULL) {
    (void)napi_get_null(env, &out);
  } else if (event->type == PRTC_EVENT_CHANNEL_MESSAGE && event->kind == PRTC_MESSAGE_TEXT &&
             event->flags == (PRTC_MESSAGE_BEGIN | PRTC_MESSAGE_END)) {
    (void)napi_create_string_utf8(env, (const char *)event->data, event->size, &out);
  } else if (napi_create_arraybuffer(env, event->size, &bytes, &out) == napi_ok && event->size > 0) {
    memcpy(bytes, event->data, event->size);
  }
  return out;
}

/* One task. Exceptions are the program's: uncaughtException. */
static bool call(struct loop *loop, const prtc_event *event) {
  napi_env env = loop->env;
  napi_handle_scope scope;
  napi_value on_turn, receiver, result, arguments[ARGUMENT_COUNT];
  bool again = false;
  size_t count = 1;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  arguments[0] = number(env, event == NULL ? 0 : event->type);
  if (event != NULL) {
    arguments[count++] = number(env, (double)event->peer);
    arguments[count++] = number(env, (double)event->object);
    arguments[count++] = data_of(env, event);
    arguments[count++] = number(env, event->kind);
    arguments[count++] = number(env, event->flags);
    if (event->type != PRTC_EVENT_CHANNEL_MESSAGE) {
      arguments[count++] = number(env, event->state);
      arguments[count++] = number(env, event->code);
      arguments[count++] = text_or_null(env, event->text);
      arguments[count++] = text_or_null(env, event->mid);
      arguments[count++] = text_or_null(env, event->ufrag);
      arguments[count++] = number(env, event->index);
    }
  }
  if (napi_get_reference_value(env, loop->endpoint, &receiver) == napi_ok &&
      napi_get_reference_value(env, loop->on_turn, &on_turn) == napi_ok) {
    napi_status status = napi_make_callback(env, loop->context, receiver, on_turn, count, arguments, &result);
    bool pending = false;
    if (status == napi_ok) {
      (void)napi_get_value_bool(env, result, &again);
    } else if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
      napi_value error;
      if (napi_get_and_clear_last_exception(env, &error) == napi_ok) (void)napi_fatal_exception(env, error);
    }
  }
  (void)napi_close_handle_scope(env, scope);
  return again;
}

/* What the driver is asked to do, unless a thread is in the endpoint: then it is asked again soon. A failed endpoint says so
 * in its events. */
static void drive(struct loop *loop, int (*verb)(struct prtc_handle *handle)) {
  if (!prtc_handle_enter(loop->handle)) return;
  (void)verb(loop->handle);
  prtc_handle_leave(loop->handle);
}

/* The W3C's tasks, then what the endpoint has to say. Each call may close the loop. True: there is more. What asks for a turn
 * before the flush of a batch has had it by then; what asks for it in a task, or later, may get another one in vain. */
static bool take_turn(struct loop *loop) {
  bool tasks = true;
  for (unsigned batch = 0; batch < MOST_BATCHES; batch++) {
    loop->scheduled = false;
    while (tasks && !loop->closed) tasks = call(loop, NULL);
    if (loop->closed) return false;
    drive(loop, prtc_handle_flush);
    int count = 0;
    if (prtc_handle_enter(loop->handle)) {
      count = prtc_handle_fetch(loop->handle);
      prtc_handle_leave(loop->handle);
    }
    if (count <= 0) return false;
    loop->turning = true;
    for (int i = 0; i < count && !loop->closed; i++) {
      const prtc_event *event = prtc_handle_event(loop->handle, (uint32_t)i);
      if (event != NULL) (void)call(loop, event);
    }
    loop->turning = false;
    tasks = loop->scheduled;
  }
  return true;
}

static void on_idle(uv_handle_t *idle);

static void schedule(struct loop *loop) {
  if (loop->closed || loop->scheduled) return;
  loop->scheduled = true;
  (void)uv_idle_start(loop->idle, on_idle);
}

static void turn(struct loop *loop) {
  bool more = take_turn(loop);
  if (loop->closed) return;
  if (more) {
    schedule(loop);
  } else if (!loop->scheduled) {
    (void)uv_idle_stop(loop->idle);
  }
}

static void on_idle(uv_handle_t *idle) { turn(uv_handle_get_data(idle)); }

static void on_ready(uv_handle_t *poll, int status, int events) {
  struct loop *loop = uv_handle_get_data(poll);
  (void)status;
  (void)events;
  if (loop->closed) return;
  drive(loop, prtc_handle_process);
  turn(loop);
}

/* ------------------------------------------------------------------------------------------------------------ functions */

/* The arguments of a call; NULL when there are too few of them, or the loop is closed. */
static struct loop *loop_of(napi_env env, napi_callback_info info, size_t wanted, napi_value *arguments) {
  void *data;
  size_t count = wanted;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, &data) != napi_ok || count < wanted) return NULL;
  struct loop *loop = data;
  return loop->closed ? NULL : loop;
}

static napi_value code(napi_env env, double value) { return number(env, value); }

/* In UTF-8, with U+FFFD for halves of a pair. NULL: memory is lacking. */
static const char *read_text(struct loop *loop, napi_value value, size_t *size) {
  if (napi_get_value_string_utf8(loop->env, value, NULL, 0, size) != napi_ok) return NULL;
  if (*size + 1 > loop->text_capacity) {
    size_t capacity = *size + 1 < 1024 ? 1024 : *size + 1;
    char *larger = realloc(loop->text, capacity);
    if (larger == NULL) return NULL;
    loop->text = larger;
    loop->text_capacity = capacity;
  }
  return napi_get_value_string_utf8(loop->env, value, loop->text, loop->text_capacity, size) == napi_ok ? loop->text : NULL;
}

/* Of an ArrayBuffer or any view of one. */
static const uint8_t *read_bytes(napi_env env, napi_value value, size_t *size) {
  static const uint8_t nothing[1];
  bool is = false;
  void *data = NULL;
  napi_status status = napi_invalid_arg;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
    napi_typedarray_type type;
    size_t length = 0;
    status = napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL);
    static const uint8_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8}; /* int8, uint8, clamped, int16 … biguint64 */
    *size = length * ((size_t)type < sizeof widths ? widths[type] : 2 /* float16 */);
  } else if (napi_is_dataview(env, value, &is) == napi_ok && is) {
    status = napi_get_dataview_info(env, value, size, &data, NULL, NULL);
  } else if (napi_is_arraybuffer(env, value, &is) == napi_ok && is) {
    status = napi_get_arraybuffer_info(env, value, &data, size);
  }
  if (status != napi_ok) return NULL;
  return data == NULL ? nothing : data;
}

static int send_value(struct loop *loop, const napi_value *arguments, bool part, uint32_t flags) {
  napi_env env = loop->env;
  double peer = 0, channel = 0;
  napi_valuetype type;
  size_t size = 0;
  (void)napi_get_value_double(env, arguments[0], &peer);
  (void)napi_get_value_double(env, arguments[1], &channel);
  if (napi_typeof(env, arguments[2], &type) != napi_ok) return PRTC_ERROR_INVALID_ARGUMENT;
  bool is_text = type == napi_string;
  const char *text = is_text ? read_text(loop, arguments[2], &size) : NULL;
  if (is_text && text == NULL) return PRTC_ERROR_NO_MEMORY;
  const uint8_t *data = is_text ? NULL : read_bytes(env, arguments[2], &size);
  if (!is_text && data == NULL) return PRTC_ERROR_INVALID_ARGUMENT;
  if (!prtc_handle_enter(loop->handle)) return PRTC_ERROR_AGAIN;
  uint64_t id = (uint64_t)peer, to = (uint64_t)channel, now = prtc_handle_now(loop->handle);
  int result = !part     ? is_text ? prtc_handle_send_text(loop->handle, id, now, to, text, size)
                                   : prtc_handle_send_bytes(loop->handle, id, now, to, data, size)
               : is_text ? prtc_handle_send_text_part(loop->handle, id, now, to, text, size, flags)
                         : prtc_handle_send_bytes_part(loop->handle, id, now, to, data, size, flags);
  prtc_handle_leave(loop->handle);
  schedule(loop);
  return result;
}

static napi_value do_send(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct loop *loop = loop_of(env, info, 3, arguments);
  return code(env, loop == NULL ? PRTC_ERROR_CLOSED : send_value(loop, arguments, false, 0));
}

static napi_value do_send_part(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  struct loop *loop = loop_of(env, info, 4, arguments);
  uint32_t flags = 0;
  if (loop != NULL) (void)napi_get_value_uint32(env, arguments[3], &flags);
  return code(env, loop == NULL ? PRTC_ERROR_CLOSED : send_value(loop, arguments, true, flags));
}

static napi_value do_buffered(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  double peer = 0, channel = 0, result = PRTC_ERROR_NOT_FOUND;
  struct loop *loop = loop_of(env, info, 2, arguments);
  if (loop == NULL) return code(env, PRTC_ERROR_CLOSED);
  (void)napi_get_value_double(env, arguments[0], &peer);
  (void)napi_get_value_double(env, arguments[1], &channel);
  if (!prtc_handle_enter(loop->handle)) return code(env, PRTC_ERROR_AGAIN);
  const prtc_channel_info *found = prtc_handle_channel_info(loop->handle, (uint64_t)peer, (uint64_t)channel);
  if (found != NULL) result = (double)found->buffered_amount;
  prtc_handle_leave(loop->handle);
  return number(env, result);
}

static napi_value do_schedule(napi_env env, napi_callback_info info) {
  struct loop *loop = loop_of(env, info, 0, NULL);
  if (loop != NULL) schedule(loop);
  return NULL;
}

static napi_value do_flush(napi_env env, napi_callback_info info) {
  struct loop *loop = loop_of(env, info, 0, NULL);
  if (loop == NULL) return NULL;
  if (!loop->turning) drive(loop, prtc_handle_flush);
  schedule(loop);
  return NULL;
}

static napi_value do_hold(napi_env env, napi_callback_info info) {
  napi_value argument;
  bool hold = false;
  struct loop *loop = loop_of(env, info, 1, &argument);
  if (loop == NULL || napi_get_value_bool(env, argument, &hold) != napi_ok) return NULL;
  if (hold) {
    uv_ref(loop->poll);
  } else {
    uv_unref(loop->poll);
  }
  return NULL;
}

static napi_value do_close(napi_env env, napi_callback_info info) {
  struct loop *loop = loop_of(env, info, 0, NULL);
  if (loop != NULL) close_loop(loop);
  return NULL;
}

/* --------------------------------------------------------------------------------------------------------------- attach */

static napi_value make_object(struct loop *loop) {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"send", do_send},   {"sendPart", do_send_part}, {"buffered", do_buffered}, {"schedule", do_schedule},
      {"flush", do_flush}, {"hold", do_hold},          {"close", do_close},
  };
  napi_env env = loop->env;
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, loop, &function) != napi_ok ||
        napi_add_finalizer(env, function, loop, on_collected, NULL, NULL) != napi_ok) {
      return NULL;
    }
    loop->users++;
    if (napi_set_named_property(env, object, functions[i].name, function) != napi_ok) return NULL;
  }
  return object;
}

static bool start(struct loop *loop, struct uv_loop_s *uv, napi_value endpoint, napi_value on_turn) {
  napi_value name;
  napi_env env = loop->env;
  loop->poll = calloc(1, uv_handle_size(UV_POLL));
  loop->idle = calloc(1, uv_handle_size(UV_IDLE));
  if (loop->poll == NULL || loop->idle == NULL ||
      napi_create_string_utf8(env, "polyrtc", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_reference(env, endpoint, 1, &loop->endpoint) != napi_ok ||
      napi_create_reference(env, on_turn, 1, &loop->on_turn) != napi_ok ||
      napi_async_init(env, NULL, name, &loop->context) != napi_ok ||
      uv_poll_init(uv, loop->poll, prtc_handle_descriptor(loop->handle)) != 0) {
    return false;
  }
  (void)uv_idle_init(uv, loop->idle);
  uv_handle_set_data(loop->poll, loop);
  uv_handle_set_data(loop->idle, loop);
  uv_unref(loop->poll);
  loop->open = 2;
  loop->users += 2;
  (void)uv_poll_start(loop->poll, UV_READABLE, on_ready);
  return true;
}

napi_value prtc_node_attach(napi_env env, struct prtc_handle *handle, napi_value endpoint, napi_value on_turn) {
  struct uv_loop_s *uv;
  napi_valuetype type = napi_undefined;
  struct loop *loop = NULL;
  if (napi_typeof(env, on_turn, &type) != napi_ok || type != napi_function) {
    (void)napi_throw_type_error(env, NULL, "a function is needed");
  } else if (prtc_handle_descriptor(handle) < 0) {
    (void)napi_throw_error(env, NULL, "the endpoint has no driver with one descriptor");
  } else if (napi_get_uv_event_loop(env, &uv) != napi_ok || (loop = calloc(1, sizeof *loop)) == NULL) {
    (void)napi_throw_error(env, NULL, "there is no event loop");
  } else {
    loop->env = env;
    loop->handle = handle;
    loop->users = 1;
    if (!start(loop, uv, endpoint, on_turn)) {
      if (loop->endpoint != NULL) (void)napi_delete_reference(env, loop->endpoint);
      if (loop->on_turn != NULL) (void)napi_delete_reference(env, loop->on_turn);
      if (loop->context != NULL) (void)napi_async_destroy(env, loop->context);
      free(loop->poll);
      free(loop->idle);
      release(loop);
      (void)napi_throw_error(env, NULL, "the endpoint cannot be watched");
      return NULL;
    }
    napi_value object = make_object(loop);
    if (object == NULL || napi_add_async_cleanup_hook(env, on_cleanup, loop, &loop->hook) != napi_ok) {
      close_loop(loop);
      (void)napi_throw_error(env, NULL, "the endpoint cannot be watched");
      object = NULL;
    }
    release(loop);
    return object;
  }
  return NULL;
}

/* --------------------------------------------------------------------------------------------------------- certificates */

struct generation {
  struct prtc_handle_certificate *certificate;
  uint32_t key_type;
  int64_t wall_clock, expires;
  int result;
  napi_async_work work;
  napi_ref object, done;
};

static void in_thread(napi_env env, void *data) {
  struct generation *generation = data;
  (void)env;
  generation->result = prtc_handle_certificate_generate(generation->certificate, generation->key_type,
                                                        generation->wall_clock, generation->expires);
}

static void end_generation(napi_env env, struct generation *generation) {
  if (generation->object != NULL) (void)napi_delete_reference(env, generation->object);
  if (generation->done != NULL) (void)napi_delete_reference(env, generation->done);
  if (generation->work != NULL) (void)napi_delete_async_work(env, generation->work);
  free(generation);
}

/* Exceptions of what is called are the program's: Node reports them. */
static void after_thread(napi_env env, napi_status status, void *data) {
  struct generation *generation = data;
  napi_value done, receiver, argument = number(env, generation->result);
  if (status == napi_ok && napi_get_reference_value(env, generation->done, &done) == napi_ok &&
      napi_get_undefined(env, &receiver) == napi_ok) {
    (void)napi_call_function(env, receiver, done, 1, &argument, NULL);
  }
  end_generation(env, generation);
}

napi_value prtc_node_generate(napi_env env, struct prtc_handle_certificate *certificate, napi_value object, uint32_t key_type,
                              int64_t wall_clock, int64_t expires, napi_value done) {
  napi_value name, undefined = NULL;
  struct generation *generation = calloc(1, sizeof *generation);
  if (generation != NULL) {
    generation->certificate = certificate;
    generation->key_type = key_type;
    generation->wall_clock = wall_clock;
    generation->expires = expires;
    if (napi_create_string_utf8(env, "polyrtc", NAPI_AUTO_LENGTH, &name) == napi_ok &&
        napi_create_reference(env, object, 1, &generation->object) == napi_ok &&
        napi_create_reference(env, done, 1, &generation->done) == napi_ok &&
        napi_create_async_work(env, NULL, name, in_thread, after_thread, generation, &generation->work) == napi_ok &&
        napi_queue_async_work(env, generation->work) == napi_ok) {
      (void)napi_get_undefined(env, &undefined);
      return undefined;
    }
    end_generation(env, generation);
  }
  (void)napi_throw_error(env, NULL, "the certificate cannot be made");
  return NULL;
}
