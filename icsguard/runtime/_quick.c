/* NamedTuples made without the interpreter. Some twenty are made for each judged write, and the function that Python
 * generates for each class takes most of the time that they cost.
 *
 * `quicken(kind)` sets the class's tp_vectorcall, which Python asks first when a class is called. Fields that are given
 * by position, and defaults for the rest, are put into a new tuple of that class; anything else (names, a wrong count)
 * goes to the class's own `__new__`, as ever. Used by runtime/compiled.py; optional. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum {
    MAX_KINDS = 512, /* slots of the table, a power of two: the project has some hundred NamedTuples. When full: none more */
    MAX_FIELDS = 32, /* of one class; a larger one is left as it is */
};

typedef struct {
    PyTypeObject *kind; /* NULL: free. Held for ever: classes of modules live as long as the process */
    PyObject *make;     /* its own __new__ */
    PyObject *defaults; /* of the last fields, a tuple */
    Py_ssize_t fields;
} Kind;

static Kind kinds[MAX_KINDS];
static size_t known;

static Kind *place_of(PyTypeObject *kind) { /* its slot, or the free one that it would get */
    size_t at = ((size_t)kind >> 4) % MAX_KINDS;
    while (kinds[at].kind != NULL && kinds[at].kind != kind) {
        at = (at + 1) % MAX_KINDS;
    }
    return &kinds[at];
}

static PyObject *filled(const Kind *kind, PyObject *const *given, Py_ssize_t count) {
    PyObject *made = kind->kind->tp_alloc(kind->kind, kind->fields);
    if (made == NULL) {
        return NULL;
    }
    Py_ssize_t at = 0, first_default = kind->fields - PyTuple_GET_SIZE(kind->defaults);
    for (; at < count; at++) {
        PyTuple_SET_ITEM(made, at, Py_NewRef(given[at]));
    }
    for (; at < kind->fields; at++) {
        PyTuple_SET_ITEM(made, at, Py_NewRef(PyTuple_GET_ITEM(kind->defaults, at - first_default)));
    }
    return made;
}

static PyObject *made_by_itself(const Kind *kind, PyObject *const *given, Py_ssize_t count, PyObject *names) {
    PyObject *arguments[1 + 2 * MAX_FIELDS];
    Py_ssize_t all = count + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (all > 2 * MAX_FIELDS) {
        return PyErr_Format(PyExc_TypeError, "%s has %zd fields", kind->kind->tp_name, kind->fields);
    }
    arguments[0] = (PyObject *)kind->kind;
    for (Py_ssize_t at = 0; at < all; at++) {
        arguments[at + 1] = given[at];
    }
    return PyObject_Vectorcall(kind->make, arguments, (size_t)count + 1, names);
}

static PyObject *make(PyObject *type, PyObject *const *given, size_t flags, PyObject *names) {
    const Kind *kind = place_of((PyTypeObject *)type);
    Py_ssize_t count = PyVectorcall_NARGS(flags), must = kind->fields - PyTuple_GET_SIZE(kind->defaults);
    if (names == NULL && must <= count && count <= kind->fields) {
        return filled(kind, given, count);
    }
    return made_by_itself(kind, given, count, names);
}

static int is_plain(PyTypeObject *type) { /* nothing but what NamedTuple makes: a tuple without further state */
    return type->tp_base == &PyTuple_Type && type->tp_init == PyBaseObject_Type.tp_init &&
           type->tp_basicsize == PyTuple_Type.tp_basicsize && (type->tp_vectorcall == NULL || type->tp_vectorcall == make);
}

static int look_at(PyTypeObject *type, Kind *kind) { /* 1 where it can be done, 0, or -1 with an exception */
    PyObject *fields = PyObject_GetAttrString((PyObject *)type, "_fields");
    PyObject *own = PyObject_GetAttrString((PyObject *)type, "__new__");
    PyObject *defaults = own == NULL ? NULL : PyObject_GetAttrString(own, "__defaults__");
    if (fields == NULL || defaults == NULL || !PyTuple_Check(fields)) {
        Py_XDECREF(fields);
        Py_XDECREF(own);
        Py_XDECREF(defaults);
        PyErr_Clear(); /* not a NamedTuple */
        return 0;
    }
    *kind = (Kind){type, own, defaults, PyTuple_GET_SIZE(fields)};
    Py_DECREF(fields);
    if (defaults == Py_None) {
        Py_SETREF(kind->defaults, PyTuple_New(0));
    }
    int can = kind->defaults != NULL && PyTuple_Check(kind->defaults) && kind->fields <= MAX_FIELDS;
    if (!can) {
        Py_DECREF(own);
        Py_XDECREF(kind->defaults);
    }
    return kind->defaults == NULL ? -1 : can;
}

static PyObject *quicken(PyObject *Py_UNUSED(module), PyObject *given) {
    if (!PyType_Check(given)) {
        PyErr_SetString(PyExc_TypeError, "a class is quickened");
        return NULL;
    }
    PyTypeObject *type = (PyTypeObject *)given;
    Kind *place = place_of(type), found;
    if (place->kind == type) {
        Py_RETURN_TRUE;
    }
    if (!is_plain(type) || known >= MAX_KINDS / 2) {
        Py_RETURN_FALSE;
    }
    int can = look_at(type, &found);
    if (can <= 0) {
        return can < 0 ? NULL : Py_NewRef(Py_False);
    }
    Py_INCREF(type);
    *place = found;
    known += 1;
    type->tp_vectorcall = make;
    Py_RETURN_TRUE;
}

static PyMethodDef methods[] = {
    {"quicken", quicken, METH_O, "Have a NamedTuple class made without the interpreter; False where that cannot be."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "_quick", .m_doc = "NamedTuples made without the interpreter.", .m_size = -1,
    .m_methods = methods};

PyMODINIT_FUNC PyInit__quick(void) { return PyModule_Create(&module); }
