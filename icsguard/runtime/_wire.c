/* The hot path's sockets without the event loop's own cost: an epoll set whose ends are read and written directly.
 *
 * The loop watches one descriptor, that of the set, and calls `turn` once for all ends that have something to read.
 * What `passes(data, now)` says True to goes to the end's partner as it is; everything else goes to `received(data)`.
 * Only what goes well is done here: an end that closes, resets or half-closes is given back to its transport, which
 * reads the rest and tells the protocol as ever. What a socket does not take at once is the transport's to send, and
 * nothing overtakes it. No protocol, no policy: those are behind `passes`. Used by runtime/wire.py; optional. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_READY = 256,         /* ends served in one turn; the others are ready in the next one */
    MAX_READ = 64 * 1024,    /* bytes taken from one end in one turn, so that nobody waits for one who sends much */
    MAX_PASSING = 2 * 260,   /* longer than two largest ADUs of Modbus TCP: never one known read or its answer */
};

typedef struct {
    PyObject_HEAD
    int set;              /* epoll descriptor, -1 when closed */
    long long anchor;     /* ns: added to the monotonic clock */
    PyObject *after;      /* called once after a turn in which answers passed */
    char buffer[MAX_READ];
} Wire;

typedef struct End {
    PyObject_HEAD
    Wire *wire;
    struct End *partner;  /* where passing bytes go; not owned: cleared by either side's detach */
    PyObject *transport;
    PyObject *passes;
    PyObject *received;
    int fd;               /* -1: given back or ended */
    bool is_reading;
    bool is_queued;       /* the transport may hold bytes that nothing may overtake */
    bool tells;           /* `after` is due when its bytes passed */
} End;

static PyTypeObject EndType;
static PyObject *name_write, *name_size, *name_resume, *name_pause, *name_abort;

static void part(End *end) { /* no more passing in either direction */
    if (end->partner != NULL) {
        end->partner->partner = NULL;
        end->partner = NULL;
    }
}

static void stop_reading(End *end) {
    if (end->is_reading) {
        epoll_ctl(end->wire->set, EPOLL_CTL_DEL, end->fd, NULL);
        end->is_reading = false;
    }
}

static int start_reading(End *end) {
    /* Edge-triggered: the kernel does not look again at a socket that was just emptied. Adding tells what lies there. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    if (!end->is_reading && epoll_ctl(end->wire->set, EPOLL_CTL_ADD, end->fd, &event) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    end->is_reading = true;
    return 0;
}

static int look_again(End *end) { /* there may be more than was read, and no edge would tell */
    stop_reading(end);
    return start_reading(end);
}

static void detach(End *end) { /* let go of the socket, which is the transport's; may free `end` */
    if (end->fd < 0) {
        return;
    }
    stop_reading(end);
    part(end);
    end->fd = -1;
    Py_CLEAR(end->passes);
    Py_CLEAR(end->received);
    Py_DECREF(end); /* what the set held */
}

static int call(PyObject *on, PyObject *name) {
    PyObject *result = PyObject_CallMethodNoArgs(on, name);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int give_back(End *end) {
    detach(end);
    return call(end->transport, name_resume);
}

static void broke(End *end) { /* our own bug: tell it, and end this connection alone */
    PyErr_WriteUnraisable((PyObject *)end);
    PyObject *transport = Py_NewRef(end->transport);
    detach(end);
    if (call(transport, name_abort) != 0) {
        PyErr_WriteUnraisable(transport);
    }
    Py_DECREF(transport);
}

/* Writing. */

static int queue(End *end, PyObject *data) {
    end->is_queued = true;
    PyObject *result = PyObject_CallMethodOneArg(end->transport, name_write, data);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int look_at_queue(End *end) {
    PyObject *held = PyObject_CallMethodNoArgs(end->transport, name_size);
    if (held == NULL) {
        return -1;
    }
    end->is_queued = PyObject_IsTrue(held) != 0;
    Py_DECREF(held);
    return 0;
}

static int put(End *end, PyObject *data) {
    if (end->is_queued && end->fd >= 0 && look_at_queue(end) != 0) {
        return -1;
    }
    if (end->is_queued || end->fd < 0) {
        return queue(end, data);
    }
    Py_ssize_t size = PyBytes_GET_SIZE(data);
    ssize_t sent = send(end->fd, PyBytes_AS_STRING(data), (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == size) {
        return 0;
    }
    if (sent <= 0) { /* full, or broken: the transport finds out */
        return queue(end, data);
    }
    PyObject *rest = PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + sent, size - sent);
    int status = rest == NULL ? -1 : queue(end, rest);
    Py_XDECREF(rest);
    return status;
}

/* Reading. */

static int asks_whether_it_passes(End *end, PyObject *data) { /* 1, 0, or -1 with an exception */
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    PyObject *now = PyLong_FromLongLong(clock.tv_sec * 1000000000LL + clock.tv_nsec + end->wire->anchor);
    if (now == NULL) {
        return -1;
    }
    PyObject *passes = Py_NewRef(end->passes), *arguments[] = {data, now};
    PyObject *verdict = PyObject_Vectorcall(passes, arguments, 2, NULL);
    Py_DECREF(passes);
    Py_DECREF(now);
    Py_XDECREF(verdict);
    return verdict == NULL ? -1 : verdict == Py_True;
}

static int hand_on(End *end, PyObject *data, bool *tells) {
    if (end->partner != NULL && PyBytes_GET_SIZE(data) <= MAX_PASSING) {
        End *partner = (End *)Py_NewRef((PyObject *)end->partner);
        int status = asks_whether_it_passes(end, data);
        if (status > 0) {
            *tells = *tells || end->tells;
            status = put(partner, data) == 0 ? 1 : -1;
        }
        Py_DECREF(partner);
        if (status != 0) {
            return status < 0 ? -1 : 0;
        }
    }
    if (end->received == NULL) {
        return 0;
    }
    PyObject *received = Py_NewRef(end->received);
    PyObject *result = PyObject_CallOneArg(received, data);
    Py_DECREF(received);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int serve(End *end, uint32_t events, bool *tells) {
    if (!end->is_reading) { /* paused or ended earlier in this turn */
        return 0;
    }
    if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        return give_back(end);
    }
    ssize_t got = recv(end->fd, end->wire->buffer, MAX_READ, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
        return 0;
    }
    if (got < 0 && errno == EINTR) {
        return look_again(end);
    }
    if (got <= 0) {
        return give_back(end);
    }
    PyObject *data = PyBytes_FromStringAndSize(end->wire->buffer, got);
    int status = data == NULL ? -1 : hand_on(end, data, tells);
    Py_XDECREF(data);
    if (status == 0 && got == MAX_READ && end->is_reading) {
        status = look_again(end);
    }
    return status;
}

static PyObject *wire_turn(Wire *self, PyObject *Py_UNUSED(none)) {
    struct epoll_event ready[MAX_READY];
    int count = self->set < 0 ? 0 : epoll_wait(self->set, ready, MAX_READY, 0);
    bool tells = false;
    for (int index = 0; index < count; index++) {
        Py_INCREF(ready[index].data.ptr); /* what one does may end another */
    }
    for (int index = 0; index < count; index++) {
        End *end = ready[index].data.ptr;
        if (serve(end, ready[index].events, &tells) != 0) {
            broke(end);
        }
        Py_DECREF(end);
    }
    return tells ? PyObject_CallNoArgs(self->after) : Py_NewRef(Py_None);
}

/* Wire as Python sees it. */

static int wire_init(Wire *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"anchor", "after", NULL};
    PyObject *after;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "LO", names, &self->anchor, &after)) {
        return -1;
    }
    self->after = Py_NewRef(after);
    self->set = epoll_create1(EPOLL_CLOEXEC);
    if (self->set < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

static PyObject *wire_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs)) {
    Wire *self = (Wire *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->set = -1;
    }
    return (PyObject *)self;
}

static PyObject *wire_close(Wire *self, PyObject *Py_UNUSED(none)) {
    if (self->set >= 0) {
        close(self->set);
        self->set = -1;
    }
    Py_RETURN_NONE;
}

static void wire_dealloc(Wire *self) {
    if (self->set >= 0) {
        close(self->set);
    }
    Py_XDECREF(self->after);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *wire_fileno(Wire *self, PyObject *Py_UNUSED(none)) { return PyLong_FromLong(self->set); }

static PyObject *wire_attach(Wire *self, PyObject *args) {
    PyObject *transport, *passes, *received;
    int fd, tells;
    if (!PyArg_ParseTuple(args, "iOOOp", &fd, &transport, &passes, &received, &tells)) {
        return NULL;
    }
    End *end = PyObject_New(End, &EndType);
    if (end == NULL) {
        return NULL;
    }
    end->wire = (Wire *)Py_NewRef((PyObject *)self);
    end->partner = NULL;
    end->transport = Py_NewRef(transport);
    end->passes = Py_NewRef(passes);
    end->received = Py_NewRef(received);
    end->fd = fd;
    end->is_reading = false;
    end->is_queued = true; /* until looked at */
    end->tells = tells != 0;
    Py_INCREF(end); /* the set's, until detached */
    if (call(transport, name_pause) != 0 || start_reading(end) != 0) {
        detach(end);
        Py_DECREF(end);
        return NULL;
    }
    return (PyObject *)end;
}

static PyMethodDef wire_methods[] = {
    {"turn", (PyCFunction)wire_turn, METH_NOARGS, "Serve the ends that have something to read, each once."},
    {"attach", (PyCFunction)wire_attach, METH_VARARGS, "Take over reading of a transport's socket; return its end."},
    {"fileno", (PyCFunction)wire_fileno, METH_NOARGS, "Return the descriptor that the loop watches."},
    {"close", (PyCFunction)wire_close, METH_NOARGS, "Watch nothing any more."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject WireType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "icsguard.runtime._wire.Wire",
    .tp_basicsize = sizeof(Wire),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "A set of sockets whose known reads pass from one to the other.",
    .tp_new = wire_new,
    .tp_init = (initproc)wire_init,
    .tp_dealloc = (destructor)wire_dealloc,
    .tp_methods = wire_methods,
};

/* End as Python sees it. */

static PyObject *end_write(End *self, PyObject *data) {
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "bytes are written");
        return NULL;
    }
    return put(self, data) == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *end_queue(End *self, PyObject *data) {
    return queue(self, data) == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *end_read(End *self, PyObject *wanted) {
    int on = PyObject_IsTrue(wanted), status = 0;
    if (on < 0) {
        return NULL;
    }
    if (self->fd < 0) {
        status = call(self->transport, on ? name_resume : name_pause);
    } else if (on) {
        status = start_reading(self);
    } else {
        stop_reading(self);
    }
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *end_join(End *self, PyObject *other) {
    if (!PyObject_TypeCheck(other, &EndType)) {
        PyErr_SetString(PyExc_TypeError, "an end is joined to an end");
        return NULL;
    }
    End *partner = (End *)other;
    part(self);
    part(partner);
    if (self->fd >= 0 && partner->fd >= 0) {
        self->partner = partner;
        partner->partner = self;
    }
    Py_RETURN_NONE;
}

static PyObject *end_detach(End *self, PyObject *Py_UNUSED(none)) {
    detach(self);
    Py_RETURN_NONE;
}

static PyObject *end_is_attached(End *self, void *Py_UNUSED(closure)) { return PyBool_FromLong(self->fd >= 0); }

static void end_dealloc(End *self) { /* nobody holds it, the set included: it is detached */
    Py_XDECREF((PyObject *)self->wire);
    Py_XDECREF(self->transport);
    Py_XDECREF(self->passes);
    Py_XDECREF(self->received);
    PyObject_Free(self);
}

static PyMethodDef end_methods[] = {
    {"write", (PyCFunction)end_write, METH_O, "Send now; what the socket does not take is queued."},
    {"queue", (PyCFunction)end_queue, METH_O, "Leave it to the transport, which sends several in one go."},
    {"read", (PyCFunction)end_read, METH_O, "Read from the socket, or leave what arrives with the kernel."},
    {"join", (PyCFunction)end_join, METH_O, "Let known reads and their answers pass between the two."},
    {"detach", (PyCFunction)end_detach, METH_NOARGS, "Let go of the socket: it is about to be closed."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef end_values[] = {
    {"is_attached", (getter)end_is_attached, NULL, "Whether it is read and written here.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject EndType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "icsguard.runtime._wire.End",
    .tp_basicsize = sizeof(End),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "One socket on a wire.",
    .tp_dealloc = (destructor)end_dealloc,
    .tp_methods = end_methods,
    .tp_getset = end_values,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "_wire", .m_doc = "Sockets of the hot path.", .m_size = -1};

PyMODINIT_FUNC PyInit__wire(void) {
    name_write = PyUnicode_InternFromString("write");
    name_size = PyUnicode_InternFromString("get_write_buffer_size");
    name_resume = PyUnicode_InternFromString("resume_reading");
    name_pause = PyUnicode_InternFromString("pause_reading");
    name_abort = PyUnicode_InternFromString("abort");
    if (PyType_Ready(&WireType) < 0 || PyType_Ready(&EndType) < 0) {
        return NULL;
    }
    PyObject *self = PyModule_Create(&module);
    if (self == NULL || PyModule_AddObjectRef(self, "Wire", (PyObject *)&WireType) < 0 ||
        PyModule_AddObjectRef(self, "End", (PyObject *)&EndType) < 0) {
        Py_XDECREF(self);
        return NULL;
    }
    return self;
}
