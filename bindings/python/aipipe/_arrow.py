"""The border to other libraries: Arrow's C structs in PyCapsules, both ways, with nothing but ctypes.

Out: a capsule points into a ctypes struct that releases what it still holds when it goes; the destructor only drops it. In: the
struct behind a capsule is moved to the library. Tables made of Python's or NumPy's memory become a stream of one batch whose
buffers are shared until the library releases them, on whatever thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from . import _ffi
from . import _prototypes as api
from ._ffi import held, lib

_python = ctypes.pythonapi
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", _python))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", _python))
_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_IsValid", _python))

SCHEMA, ARRAY, STREAM = b"arrow_schema", b"arrow_array", b"arrow_array_stream"  # a capsule borrows its name


# ---- out -----------------------------------------------------------------------------------------------------------------------


class _Released:
    """Mixed into a struct of Arrow: what nobody took over is released with it."""

    def __del__(self, process: type[_ffi._Process] = _ffi._Process) -> None:
        release = self.release  # type: ignore[attr-defined]
        if release and not process.ending:
            release(ctypes.byref(self))  # type: ignore[arg-type]


class OwnedSchema(_Released, api.ArrowSchema):
    """An ArrowSchema of ours."""


class OwnedArray(_Released, api.ArrowArray):
    """An ArrowArray of ours."""


class OwnedStream(_Released, api.ArrowArrayStream):
    """An ArrowArrayStream of ours."""


_exported: dict[int, Any] = {}


# It may run while an exception is being raised, in which most of Python must not be used: it only drops the struct, whose __del__
# is called with that exception put aside.
@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _capsule_gone(address: int, exported: dict[int, Any] = _exported) -> None:
    exported.pop(address, None)


_ffi.immortal(_capsule_gone)


def _capsule(struct: Any, name: bytes) -> Any:
    capsule = _new(ctypes.addressof(struct), name, ctypes.cast(_capsule_gone, ctypes.c_void_p))
    _exported[id(capsule)] = struct
    return capsule


def stream_capsule(dataset: Any) -> Any:
    """A capsule of the rows of an `aip_dataset *` that is in memory, so that pulling from it never waits for Python."""
    stream = OwnedStream()
    _ffi.call(lib.aip_dataset_to_arrow, dataset, ctypes.byref(stream))
    return _capsule(stream, STREAM)


def batch_capsules(batch: Any) -> tuple[Any, Any]:
    """Capsules of schema and array of an `aip_batch *`."""
    schema, array = OwnedSchema(), OwnedArray()
    _ffi.call(lib.aip_batch_to_arrow, batch, ctypes.byref(schema), ctypes.byref(array))
    return _capsule(schema, SCHEMA), _capsule(array, ARRAY)


def schema_capsule(dataset: Any) -> Any:
    """A capsule of the schema of an `aip_dataset *`."""
    stream, schema = OwnedStream(), OwnedSchema()
    _ffi.call(lib.aip_dataset_to_arrow, dataset, ctypes.byref(stream))
    code = stream.get_schema(ctypes.byref(stream), ctypes.byref(schema))
    if code:
        raise OSError(code, "the schema cannot be exported")
    return _capsule(schema, SCHEMA)


# ---- in ------------------------------------------------------------------------------------------------------------------------


def _struct(capsule: Any, name: bytes, kind: type[Any]) -> Any:
    if not _valid(capsule, name):
        raise TypeError(f"expected a PyCapsule named {name.decode()!r}, found {capsule!r}")
    struct = kind.from_address(_pointer(capsule, name))
    if not struct.release:
        raise ValueError(f"the {name.decode()} in a capsule was taken over before: expected one that is not released")
    return struct


def _move(source: Any, target: Any) -> None:
    ctypes.memmove(ctypes.addressof(target), ctypes.addressof(source), ctypes.sizeof(source))
    source.release = type(source.release)()


def from_stream(context: Any, capsule: Any) -> Any:
    """A dataset handle that took over the stream in a capsule; it can be read once."""
    return _from_arrow(context, _struct(capsule, STREAM, api.ArrowArrayStream))


def _from_arrow(context: Any, stream: Any) -> Any:
    out = _ffi.DatasetHandle()
    context._run(lambda _: _ffi.call(lib.aip_dataset_from_arrow, context._handle, ctypes.byref(stream), ctypes.byref(out)))
    return out


def from_array(context: Any, schema_capsule: Any, array_capsule: Any) -> Any:
    """A dataset handle that took over the array of structs in a capsule; it can be read once."""
    schema, array = OwnedSchema(), OwnedArray()
    source = _struct(array_capsule, ARRAY, api.ArrowArray)
    _move(_struct(schema_capsule, SCHEMA, api.ArrowSchema), schema)
    _move(source, array)
    return _from_arrow(context, _stream_of(schema, array))


# ---- a stream of one batch -----------------------------------------------------------------------------------------------------
# The library calls these on threads other than the main one (Context._run), where no signal handler can cut them short.


class _OneBatch:
    """What a stream of ours gives: a schema, and an array once."""

    def __init__(self, schema: OwnedSchema, array: OwnedArray) -> None:
        self.schema: Optional[OwnedSchema] = schema
        self.array: Optional[OwnedArray] = array


_EINVAL = 22


@api.ArrowArrayStream_get_schema_fn
def _get_schema(stream: Any, out: Any) -> int:
    source = _ffi.kept(stream.contents.private_data)
    if source.schema is None:
        return _EINVAL
    schema, source.schema = source.schema, None
    _move(schema, out.contents)
    return 0


@api.ArrowArrayStream_get_next_fn
def _get_next(stream: Any, out: Any) -> int:
    source = _ffi.kept(stream.contents.private_data)
    array, source.array = source.array, None
    if array is None:
        out.contents.release = api.ArrowArray_release_fn()
    else:
        _move(array, out.contents)
    return 0


@api.ArrowArrayStream_get_last_error_fn
def _get_last_error(stream: Any) -> Optional[int]:
    return None


@api.ArrowArrayStream_release_fn
def _release_stream(stream: Any) -> None:
    with _ffi.inside():
        _ffi.release_kept(stream.contents.private_data)
        stream.contents.release = api.ArrowArrayStream_release_fn()


def _stream_of(schema: OwnedSchema, array: OwnedArray) -> OwnedStream:
    stream = OwnedStream()
    stream.private_data = _ffi.keep(_OneBatch(schema, array))
    stream.get_schema = _get_schema
    stream.get_next = _get_next
    stream.get_last_error = _get_last_error
    stream.release = _release_stream
    return stream


# ---- Python's memory as Arrow --------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """A column as Arrow lays it out.

    Attributes:
        name: its name.
        format: Arrow's format string.
        length: number of rows.
        nulls: how many of them are null.
        buffers: addresses, 0 for none: validity, then values, or offsets and bytes.
        keep: what the memory belongs to.
    """

    name: str
    format: str
    length: int
    nulls: int
    buffers: Sequence[int]
    keep: Any


@api.ArrowSchema_release_fn
def _release_schema(schema: Any) -> None:
    with _ffi.inside():
        _ffi.release_kept(schema.contents.private_data)
        schema.contents.release = api.ArrowSchema_release_fn()


@api.ArrowArray_release_fn
def _release_array(array: Any) -> None:
    with _ffi.inside():
        _ffi.release_kept(array.contents.private_data)
        array.contents.release = api.ArrowArray_release_fn()


@api.ArrowSchema_release_fn
def _release_child_schema(schema: Any) -> None:
    schema.contents.release = api.ArrowSchema_release_fn()


@api.ArrowArray_release_fn
def _release_child_array(array: Any) -> None:
    array.contents.release = api.ArrowArray_release_fn()


for _callback in (
    _get_schema,
    _get_next,
    _get_last_error,
    _release_stream,
    _release_schema,
    _release_array,
    _release_child_schema,
    _release_child_array,
):
    _ffi.immortal(_callback)


def from_columns(context: Any, columns: Sequence[Column], n_rows: int) -> Any:
    """A dataset handle over columns, whose memory is shared where types and alignment allow; it can be read once."""
    n = len(columns)
    schemas = (api.ArrowSchema * max(n, 1))()
    arrays = (api.ArrowArray * max(n, 1))()
    schema_pointers = (ctypes.POINTER(api.ArrowSchema) * max(n, 1))()
    array_pointers = (ctypes.POINTER(api.ArrowArray) * max(n, 1))()
    texts, buffers = [], []
    for i, column in enumerate(columns):
        name, form = _ffi.name(column.name, "the column name"), column.format.encode()
        pointers = (ctypes.c_void_p * max(1, len(column.buffers)))(*column.buffers)
        texts.append((name, form))
        buffers.append(pointers)
        schemas[i].format, schemas[i].name, schemas[i].flags = form, name, api.ARROW_FLAG_NULLABLE
        schemas[i].release = _release_child_schema
        arrays[i].length, arrays[i].null_count, arrays[i].n_buffers = column.length, column.nulls, len(column.buffers)
        arrays[i].buffers = ctypes.cast(pointers, type(arrays[i].buffers))
        arrays[i].release = _release_child_array
        schema_pointers[i] = ctypes.pointer(schemas[i])
        array_pointers[i] = ctypes.pointer(arrays[i])
    schema, array = OwnedSchema(), OwnedArray()
    schema.format, schema.name, schema.n_children = b"+s", b"", n
    schema.children = ctypes.cast(schema_pointers, type(schema.children))
    schema.private_data = _ffi.keep((schemas, schema_pointers, texts))
    schema.release = _release_schema
    no_validity = (ctypes.c_void_p * 1)()
    array.length, array.n_children, array.n_buffers = n_rows, n, 1
    array.buffers = ctypes.cast(no_validity, type(array.buffers))
    array.children = ctypes.cast(array_pointers, type(array.children))
    array.private_data = _ffi.keep((arrays, array_pointers, buffers, no_validity, [column.keep for column in columns]))
    array.release = _release_array
    return _from_arrow(context, _stream_of(schema, array))


def n_columns(handle: Any) -> int:
    """Number of columns of an `aip_dataset *`."""
    return int(held.aip_schema_n_fields(held.aip_dataset_schema(handle)))
