/* Python: how bytes, text, addresses and structs cross, and when the GIL is released.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Structs become tuples; polyrtc/sansio.py gives their members names. Only the limited API (abi3) is used.
 */

%define POLYRTC_NULL_IS(name, sentence)
%exception name {
  $action
  if (result == NULL) SWIG_exception_fail(SWIG_ValueError, sentence);
}
%enddef

%define POLYRTC_NULL_IS_ERRNO(name)
%exception name {
  $action
  if (result == NULL) {
    PyErr_SetFromErrno(PyExc_OSError);
    SWIG_fail;
  }
}
%enddef

/* What may take long and needs no handle. */
%define POLYRTC_LONG(name)
%exception name {
  Py_BEGIN_ALLOW_THREADS
  $action
  Py_END_ALLOW_THREADS
}
%enddef

/* arg1 is the handle. The wrappers run with the GIL, so of two threads one is told. */
%define POLYRTC_ENTER
%exception {
  if (!prtc_handle_enter(arg1)) SWIG_exception_fail(SWIG_RuntimeError, "the endpoint is in use by another thread");
  $action
  prtc_handle_leave(arg1);
}
%enddef

%define POLYRTC_ENTER_LONG
%exception {
  if (!prtc_handle_enter(arg1)) SWIG_exception_fail(SWIG_RuntimeError, "the endpoint is in use by another thread");
  Py_BEGIN_ALLOW_THREADS
  $action
  Py_END_ALLOW_THREADS
  prtc_handle_leave(arg1);
}
%enddef

%{
/* ("192.0.2.1", 5000), or None for no address. Steals nothing, returns a new reference. */
static PyObject *polyrtc_from_address(const prtc_address *address) {
  char text[PRTC_ADDRESS_TEXT_SIZE];
  if (address->family == PRTC_FAMILY_NONE) return SWIG_Py_Void();
  const char *host = prtc_handle_address_text(address, text);
  char *end = strrchr(text, ':');
  if (end != NULL && *host == '[') {
    host++;
    end--; /* the closing bracket */
  }
  return Py_BuildValue("(s#i)", host, (Py_ssize_t)(end == NULL ? 0 : end - host), (int)address->port);
}

/* Of what is no address it makes one that every function refuses. */
static void polyrtc_to_address(PyObject *value, prtc_address *out) {
  memset(out, 0, sizeof *out);
  if (value == Py_None) return;
  Py_ssize_t size = 0;
  PyObject *host = PyTuple_Check(value) && PyTuple_Size(value) == 2 ? PyTuple_GetItem(value, 0) : NULL;
  const char *text = host != NULL && PyUnicode_Check(host) ? PyUnicode_AsUTF8AndSize(host, &size) : NULL;
  long port = text == NULL ? -1 : PyLong_AsLong(PyTuple_GetItem(value, 1));
  PyErr_Clear();
  if (text != NULL && size > 0) prtc_handle_read_address(text, (size_t)size, out);
  if (text == NULL || size == 0 || port < 0 || port > 65535) out->family = PRTC_HANDLE_BAD_FAMILY;
  out->port = (uint16_t)port;
}

static PyObject *polyrtc_from_text(const char *text) {
  return text == NULL ? SWIG_Py_Void() : PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *polyrtc_from_bytes(const uint8_t *data, size_t size) {
  return data == NULL ? SWIG_Py_Void() : PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
}

static PyObject *polyrtc_from_event(const prtc_event *event) {
  return Py_BuildValue("(IiKKIIIINNNN)", event->type, event->code, (unsigned long long)event->peer,
                       (unsigned long long)event->object, event->state, event->kind, event->flags, event->index,
                       polyrtc_from_bytes(event->data, event->size), polyrtc_from_text(event->text),
                       polyrtc_from_text(event->mid), polyrtc_from_text(event->ufrag));
}

static int polyrtc_is_message(const prtc_event *event) {
  return event->type == PRTC_EVENT_CHANNEL_MESSAGE && event->flags == (PRTC_MESSAGE_BEGIN | PRTC_MESSAGE_END);
}

/* str or bytes */
static PyObject *polyrtc_from_message(const prtc_event *event) {
  const char *data = event->size == 0 ? "" : (const char *)event->data;
  return event->kind == PRTC_MESSAGE_TEXT ? PyUnicode_DecodeUTF8(data, (Py_ssize_t)event->size, "replace")
                                          : PyBytes_FromStringAndSize(data, (Py_ssize_t)event->size);
}

/* The first event, or (peer, channel, first, end) of all that are whole messages of one channel; how many that were. Each message is
 * made when it is asked for, so that one is gone before the next one comes. */
static PyObject *polyrtc_from_run(struct prtc_handle *handle, uint32_t index, uint32_t count, uint32_t *taken) {
  const prtc_event *first = prtc_handle_event(handle, index);
  uint32_t end = index + 1;
  *taken = 1;
  if (!polyrtc_is_message(first)) return polyrtc_from_event(first);
  for (const prtc_event *next = first + 1; end < count; end++, next++) {
    if (!polyrtc_is_message(next) || next->peer != first->peer || next->object != first->object) break;
  }
  *taken = end - index;
  return Py_BuildValue("(KKII)", (unsigned long long)first->peer, (unsigned long long)first->object, index, end);
}

/* The next batch of events in a list of rows, or a code. */
static PyObject *polyrtc_take(struct prtc_handle *handle) {
  int count = prtc_handle_fetch(handle);
  if (count < 0) return PyLong_FromLong(count);
  PyObject *rows = PyList_New(0);
  for (uint32_t i = 0, taken = 1; rows != NULL && i < (uint32_t)count; i += taken) {
    PyObject *row = polyrtc_from_run(handle, i, (uint32_t)count, &taken);
    if (row == NULL || PyList_Append(rows, row) < 0) Py_CLEAR(rows);
    Py_XDECREF(row);
  }
  return rows;
}

/* What is called for each message, or each turn of a loop, has no wrapper: functions that know their endpoint and channel. */
typedef struct polyrtc_port {
  struct prtc_handle *handle;
  PyObject *endpoint; /* keeps the handle */
  uint64_t peer, channel;
} polyrtc_port;

static void polyrtc_free_port(PyObject *capsule) {
  polyrtc_port *port = (polyrtc_port *)PyCapsule_GetPointer(capsule, NULL);
  Py_DECREF(port->endpoint);
  PyMem_Free(port);
}

/* A tuple of the functions. */
static PyObject *polyrtc_new_port(polyrtc_port value, PyMethodDef *methods, Py_ssize_t count) {
  polyrtc_port *port = (polyrtc_port *)PyMem_Malloc(sizeof *port);
  if (port == NULL) return PyErr_NoMemory();
  *port = value;
  PyObject *capsule = PyCapsule_New(port, NULL, polyrtc_free_port);
  if (capsule == NULL) {
    PyMem_Free(port);
    return NULL;
  }
  Py_INCREF(port->endpoint);
  PyObject *functions = PyTuple_New(count);
  for (Py_ssize_t i = 0; functions != NULL && i < count; i++) {
    PyObject *function = PyCFunction_New(&methods[i], capsule);
    if (function == NULL || PyTuple_SetItem(functions, i, function) < 0) Py_CLEAR(functions);
  }
  Py_DECREF(capsule);
  return functions;
}

/* NULL with an exception: another thread is in the endpoint. */
static polyrtc_port *polyrtc_enter_port(PyObject *capsule) {
  polyrtc_port *port = (polyrtc_port *)PyCapsule_GetPointer(capsule, NULL);
  if (prtc_handle_enter(port->handle)) return port;
  PyErr_SetString(PyExc_RuntimeError, "the endpoint is in use by another thread");
  return NULL;
}

/* An endpoint that has failed says so in an event, too. */
static PyObject *polyrtc_turn(PyObject *capsule, int (*work)(struct prtc_handle *)) {
  polyrtc_port *port = polyrtc_enter_port(capsule);
  if (port == NULL) return NULL;
  int code = 0;
  if (work != NULL) {
    Py_BEGIN_ALLOW_THREADS
    code = work(port->handle);
    Py_END_ALLOW_THREADS
  }
  PyObject *rows = code < 0 && !PRTC_ERROR_IS_FATAL(code) ? PyLong_FromLong(code) : polyrtc_take(port->handle);
  prtc_handle_leave(port->handle);
  return rows;
}

static PyObject *polyrtc_turn_process(PyObject *capsule, PyObject *nothing) {
  (void)nothing;
  return polyrtc_turn(capsule, prtc_handle_process);
}

static PyObject *polyrtc_turn_flush(PyObject *capsule, PyObject *nothing) {
  (void)nothing;
  return polyrtc_turn(capsule, prtc_handle_flush);
}

static PyObject *polyrtc_turn_take(PyObject *capsule, PyObject *nothing) {
  (void)nothing;
  return polyrtc_turn(capsule, NULL);
}

/* UTF-8 of a str, which keeps it. One with lone surrogates has none: as in Web IDL's USVString they become U+FFFD, in *made, which
 * is the caller's. NULL with an exception. */
static const char *polyrtc_utf8(PyObject *text, Py_ssize_t *size, PyObject **made) {
  const char *plain = PyUnicode_AsUTF8AndSize(text, size);
  if (plain != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return plain;
  PyErr_Clear();
  *made = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
  if (*made == NULL) return NULL;
  char *bytes = PyBytes_AsString(*made); /* nobody else has it */
  *size = PyBytes_Size(*made);
  for (Py_ssize_t i = 0; i + 2 < *size; i++) { /* ED A0 80 to ED BF BF: U+D800 to U+DFFF */
    if ((unsigned char)bytes[i] == 0xED && (unsigned char)bytes[i + 1] >= 0xA0) memcpy(bytes + i, "\xEF\xBF\xBD", 3);
  }
  return bytes;
}

/* The bytes of a buffer; of one that is not contiguous, a copy. -1 with an exception. */
static int polyrtc_bytes(PyObject *object, Py_buffer *view) {
  if (PyObject_GetBuffer(object, view, PyBUF_SIMPLE) == 0) return 0;
  if (!PyErr_ExceptionMatches(PyExc_BufferError)) return -1;
  PyErr_Clear();
  PyObject *copy = PyBytes_FromObject(object);
  int code = copy == NULL ? -1 : PyObject_GetBuffer(copy, view, PyBUF_SIMPLE); /* which keeps it */
  Py_XDECREF(copy);
  return code;
}

/* One of the last batch: str or bytes; None when the endpoint was closed since. */
static PyObject *polyrtc_turn_message(PyObject *capsule, PyObject *number) {
  unsigned long index = PyLong_AsUnsignedLong(number);
  if (index == (unsigned long)-1 && PyErr_Occurred() != NULL) return NULL;
  polyrtc_port *port = polyrtc_enter_port(capsule);
  if (port == NULL) return NULL;
  const prtc_event *event = prtc_handle_event(port->handle, (uint32_t)index);
  PyObject *message = event == NULL || !polyrtc_is_message(event) ? SWIG_Py_Void() : polyrtc_from_message(event);
  prtc_handle_leave(port->handle);
  return message;
}

static PyMethodDef polyrtc_turn_methods[] = {
    {"process", polyrtc_turn_process, METH_NOARGS, "Processes, then takes: rows, or a code."},
    {"flush", polyrtc_turn_flush, METH_NOARGS, "Flushes, then takes: rows, or a code."},
    {"take", polyrtc_turn_take, METH_NOARGS, "The next batch of events in rows, or a code."},
    {"message", polyrtc_turn_message, METH_O, "A message of the batch."},
};

static PyObject *polyrtc_port_send(PyObject *capsule, PyObject *message) {
  Py_buffer view = {0};
  Py_ssize_t size = 0;
  const char *text = NULL;
  PyObject *made = NULL;
  if (PyUnicode_Check(message)) {
    if ((text = polyrtc_utf8(message, &size, &made)) == NULL) return NULL;
  } else if (!PyBytes_Check(message) && !PyByteArray_Check(message) && !PyMemoryView_Check(message)) {
    return SWIG_Py_Void();
  } else if (polyrtc_bytes(message, &view) < 0) {
    return NULL;
  }
  polyrtc_port *port = polyrtc_enter_port(capsule);
  int code = 0;
  if (port != NULL) {
    uint64_t now = prtc_handle_now(port->handle);
    code = text != NULL ? prtc_handle_send_text(port->handle, port->peer, now, port->channel, text, (size_t)size)
                        : prtc_handle_send_bytes(port->handle, port->peer, now, port->channel, (const uint8_t *)view.buf,
                                                 (size_t)view.len);
    prtc_handle_leave(port->handle);
  }
  if (view.obj != NULL) PyBuffer_Release(&view);
  Py_XDECREF(made);
  return port == NULL ? NULL : PyLong_FromLong(code);
}

static PyObject *polyrtc_port_buffered_amount(PyObject *capsule, PyObject *nothing) {
  (void)nothing;
  polyrtc_port *port = polyrtc_enter_port(capsule);
  if (port == NULL) return NULL;
  const prtc_channel_info *info = prtc_handle_channel_info(port->handle, port->peer, port->channel);
  prtc_handle_leave(port->handle);
  return info == NULL ? SWIG_Py_Void() : PyLong_FromUnsignedLongLong(info->buffered_amount);
}

static PyMethodDef polyrtc_port_methods[] = {
    {"send", polyrtc_port_send, METH_O, "Queues a message. 0, or a code; None for what is neither text nor bytes."},
    {"buffered_amount", polyrtc_port_buffered_amount, METH_NOARGS, "Bytes that wait; None when the channel is gone."},
};

/* Rows of (socket, protocol, interface_index, local, remote, data, segment_size, ecn, time), with their buffers held. */
typedef struct polyrtc_rows {
  prtc_datagram *datagrams;
  Py_buffer *views;
  Py_ssize_t count;
} polyrtc_rows;

static void polyrtc_release_rows(polyrtc_rows *rows) {
  for (Py_ssize_t i = 0; i < rows->count; i++) PyBuffer_Release(&rows->views[i]);
  PyMem_Free(rows->datagrams);
  PyMem_Free(rows->views);
  memset(rows, 0, sizeof *rows);
}

static int polyrtc_read_row(PyObject *row, prtc_datagram *datagram, Py_buffer *view) {
  unsigned long long socket, time, segment_size;
  unsigned int protocol, interface_index, ecn;
  PyObject *local, *remote, *data;
  if (!PyArg_ParseTuple(row, "KIIOOOKIK", &socket, &protocol, &interface_index, &local, &remote, &data, &segment_size, &ecn,
                        &time) ||
      PyObject_GetBuffer(data, view, PyBUF_SIMPLE) < 0) {
    return -1;
  }
  memset(datagram, 0, sizeof *datagram);
  datagram->socket = socket;
  datagram->protocol = protocol;
  datagram->interface_index = interface_index;
  polyrtc_to_address(local, &datagram->local);
  polyrtc_to_address(remote, &datagram->remote);
  datagram->data = (const uint8_t *)view->buf;
  datagram->size = (size_t)view->len;
  datagram->segment_size = (size_t)segment_size;
  datagram->ecn = ecn;
  datagram->time = time;
  return 0;
}

static int polyrtc_read_rows(PyObject *list, polyrtc_rows *rows) {
  if (!PyList_Check(list)) {
    PyErr_SetString(PyExc_TypeError, "expected a list of rows");
    return -1;
  }
  Py_ssize_t count = PyList_Size(list);
  rows->datagrams = (prtc_datagram *)PyMem_Calloc((size_t)count + 1, sizeof *rows->datagrams);
  rows->views = (Py_buffer *)PyMem_Calloc((size_t)count + 1, sizeof *rows->views);
  if (rows->datagrams == NULL || rows->views == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  for (; rows->count < count; rows->count++) {
    PyObject *row = PyList_GetItem(list, rows->count);
    if (row == NULL || polyrtc_read_row(row, &rows->datagrams[rows->count], &rows->views[rows->count]) < 0) return -1;
  }
  return 0;
}
%}

/* ---------------------------------------------------------------------------------------------------------------- inputs */

%typemap(in) (const uint8_t *data, size_t size) (Py_buffer view = {0}) {
  if (polyrtc_bytes($input, &view) < 0) SWIG_fail;
  $1 = ($1_ltype)view.buf;
  $2 = (size_t)view.len;
}
%typemap(freearg) (const uint8_t *data, size_t size) {
  if (view$argnum.obj != NULL) PyBuffer_Release(&view$argnum);
}

/* The str keeps its UTF-8 form for as long as it lives. */
%typemap(in) (const char *text, size_t text_size) (Py_ssize_t length = 0, PyObject *made = NULL) {
  if (!PyUnicode_Check($input)) SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected str");
  $1 = ($1_ltype)polyrtc_utf8($input, &length, &made);
  if ($1 == NULL) SWIG_fail;
  $2 = (size_t)length;
}
%typemap(freearg) (const char *text, size_t text_size) "Py_XDECREF(made$argnum);"

/* Text that ends at its NUL must not have one before. */
%typemap(in) const char * (Py_ssize_t length = 0, PyObject *made = NULL) {
  if (!PyUnicode_Check($input)) SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected str");
  $1 = ($1_ltype)polyrtc_utf8($input, &length, &made);
  if ($1 == NULL) SWIG_fail;
  if (strlen($1) != (size_t)length) SWIG_exception_fail(SWIG_ValueError, "in method '$symname': a NUL in the text");
}
%typemap(freearg) const char * "Py_XDECREF(made$argnum);"

%typemap(in) (const prtc_datagram *datagrams, size_t datagram_count) (polyrtc_rows rows = {0}) {
  if (polyrtc_read_rows($input, &rows) < 0) SWIG_fail;
  $1 = rows.datagrams;
  $2 = (size_t)rows.count;
}
%typemap(freearg) (const prtc_datagram *datagrams, size_t datagram_count) {
  polyrtc_release_rows(&rows$argnum);
}

%typemap(in) const prtc_address * (prtc_address address) {
  polyrtc_to_address($input, &address);
  $1 = &address;
}

/* --------------------------------------------------------------------------------------------------------------- outputs */

%typemap(out) const char * {
  $result = polyrtc_from_text($1);
}

%typemap(out) const prtc_address * {
  $result = $1 == NULL ? SWIG_Py_Void() : polyrtc_from_address($1);
}

%typemap(out) const prtc_datagram * {
  $result = $1 == NULL
                ? SWIG_Py_Void()
                : Py_BuildValue("(KIINNNKIKI)", (unsigned long long)$1->socket, $1->protocol, $1->interface_index,
                                polyrtc_from_address(&$1->local), polyrtc_from_address(&$1->remote),
                                polyrtc_from_bytes($1->data, $1->size), (unsigned long long)$1->segment_size, $1->ecn,
                                (unsigned long long)$1->time, $1->fragmentation);
}

%typemap(out) const prtc_event * {
  $result = $1 == NULL ? SWIG_Py_Void() : polyrtc_from_event($1);
}

%typemap(out) const prtc_request * {
  $result = $1 == NULL
                ? SWIG_Py_Void()
                : Py_BuildValue("(IKKNNIN)", $1->type, (unsigned long long)$1->id, (unsigned long long)$1->socket,
                                polyrtc_from_address(&$1->address), polyrtc_from_address(&$1->remote), $1->interface_index,
                                polyrtc_from_text($1->name));
}

%typemap(out) const prtc_peer_states * {
  $result = $1 == NULL
                ? SWIG_Py_Void()
                : Py_BuildValue("(IIIIIIIIII)", $1->signaling, $1->ice_gathering, $1->ice_connection, $1->connection,
                                $1->sctp_transport, $1->has_sctp, $1->can_trickle, $1->max_message_size, $1->max_channels,
                                $1->ice_role);
}

%typemap(out) const prtc_channel_info * {
  $result = $1 == NULL
                ? SWIG_Py_Void()
                : Py_BuildValue("(NNIIIIIIIIIKKKKKK)", PyUnicode_DecodeUTF8($1->label, (Py_ssize_t)$1->label_size, "replace"),
                                PyUnicode_DecodeUTF8($1->protocol, (Py_ssize_t)$1->protocol_size, "replace"), $1->unordered,
                                $1->has_max_retransmits, $1->max_retransmits, $1->has_max_packet_life_time,
                                $1->max_packet_life_time, $1->negotiated, $1->stream_id, $1->priority, $1->state,
                                (unsigned long long)$1->buffered_amount,
                                (unsigned long long)$1->buffered_amount_low_threshold, (unsigned long long)$1->messages_sent,
                                (unsigned long long)$1->bytes_sent, (unsigned long long)$1->messages_received,
                                (unsigned long long)$1->bytes_received);
}

%typemap(out) const prtc_handle_bytes * {
  $result = $1 == NULL ? SWIG_Py_Void() : polyrtc_from_bytes($1->data, $1->size);
}

%typemap(out) const prtc_endpoint_stats * {
  $result = $1 == NULL
                ? SWIG_Py_Void()
                : Py_BuildValue("(KKKKKKK)", (unsigned long long)$1->datagrams_received,
                                (unsigned long long)$1->datagrams_sent, (unsigned long long)$1->bytes_received,
                                (unsigned long long)$1->bytes_sent, (unsigned long long)$1->datagrams_dropped,
                                (unsigned long long)$1->peers, (unsigned long long)$1->datagrams_unknown);
}

/* --------------------------------------------------------------------------------------------------------- Python alone */

POLYRTC_ENTER
%extend prtc_handle {
  /* The functions (process, flush, take, message) of an endpoint in a driver. object: the endpoint itself. Neighbouring whole messages
   * of one channel are one row of four. */
  PyObject *turns(PyObject *object) {
    return polyrtc_new_port((polyrtc_port){.handle = $self, .endpoint = object}, polyrtc_turn_methods, 4);
  }
  /* The functions (send, buffered_amount) of a channel of such an endpoint. */
  PyObject *port(PyObject *object, uint64_t peer, uint64_t channel) {
    return polyrtc_new_port((polyrtc_port){$self, object, peer, channel}, polyrtc_port_methods, 2);
  }
}
%exception;
