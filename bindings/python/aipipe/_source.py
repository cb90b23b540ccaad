"""Rows in from Python code, batch by batch, and rows out to it: iterators on both sides of the library."""

from __future__ import annotations

import ctypes
import os
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import _ffi
from . import _prototypes as api
from ._batch import Batch, Field, Schema
from ._context import Context
from ._errors import ForkedError
from ._ffi import lib

if TYPE_CHECKING:
    from ._dataset import Dataset

# ---- in: a Python iterator as a source -----------------------------------------------------------------------------------------


class _Source:
    """What the library's callbacks work on: how a pass begins, and the pass under way."""

    def __init__(self, begin: Callable[[], Iterable[Any]], schema: Schema, context: Context) -> None:
        self.begin = begin
        self.schema = schema
        self.context = context
        self.rows: Optional[Iterator[Any]] = None
        self.waiting: list[Batch] = []  # batches of the table that was given last, in reverse

    def open(self) -> None:
        self.close()
        self.rows = iter(self.begin())
        self.waiting = []

    def close(self) -> None:
        rows, self.rows = self.rows, None
        close = getattr(rows, "close", None)
        if close:
            close()

    def next(self) -> Optional[Batch]:
        if self.rows is None:
            self.open()
        while not self.waiting:
            try:
                table = next(self.rows)  # type: ignore[arg-type]
            except StopIteration:
                self.rows = None
                return None
            self.waiting = fitted(table, self.schema, self.context)[::-1]
        return self.waiting.pop()


def fitted(table: Any, schema: Schema, context: Context) -> list[Batch]:
    """The batches of a table, whose columns are brought into the order and to the types of the schema."""
    from ._dataset import dataset

    if isinstance(table, Batch):
        table = batch_dataset(table)
    found: Dataset = dataset(table, context=context)
    if found.columns != schema.names:
        found = found.select(schema.names)
    types = {field.name: field.dtype for field in schema if found.schema[field.name].dtype != field.dtype}
    if types:
        found = found.cast(types)
    return found._batches()


def batch_dataset(batch: Batch) -> Dataset:
    """A dataset of one batch."""
    from ._dataset import Dataset

    out = _ffi.DatasetHandle()
    handles = (api.aip_batch * 1)(api.aip_batch(batch._handle.value))
    schema = batch.schema._create(batch._context)
    _ffi.call(lib.aip_dataset_from_batches, schema, handles, 1, ctypes.byref(out))
    return Dataset(out, batch._context, in_memory=True)


@api.aip_source_callbacks_open_fn
def _on_open(user: Optional[int], error: Any) -> int:
    try:
        with _ffi.inside():
            _ffi.kept(user or 0).open()
        return 0
    except BaseException as reason:
        return _ffi.fail(error, reason)


@api.aip_source_callbacks_next_fn
def _on_next(user: Optional[int], out: Any, error: Any) -> int:
    try:
        with _ffi.inside():
            batch = _ffi.kept(user or 0).next()
            if batch is None:
                out[0] = api.aip_batch()
            else:
                lib.aip_batch_retain(batch._handle)
                out[0] = api.aip_batch(batch._handle.value)
        return 0
    except BaseException as reason:
        return _ffi.fail(error, reason)


for _callback in (_on_open, _on_next):
    _ffi.immortal(_callback)


def from_callable(begin: Callable[[], Iterable[Any]], schema: Schema, context: Context, once: bool) -> Any:
    """A dataset handle whose passes each run through what begin() returns; once: there is one pass only."""
    callbacks = api.aip_source_callbacks()
    callbacks.user = key = _ffi.keep(_Source(begin, schema, context))
    if not once:
        callbacks.open = _on_open
    callbacks.next = _on_next
    callbacks.destroy = api.aip_source_callbacks_destroy_fn(ctypes.cast(_ffi.forget, ctypes.c_void_p).value or 0)
    out = _ffi.DatasetHandle()
    try:
        _ffi.call(lib.aip_dataset_from_callbacks, schema._create(context), ctypes.byref(callbacks), ctypes.byref(out))
    except BaseException:
        _ffi.release_kept(key)
        raise
    return out


def schema_of(types: Any) -> Schema:
    """A schema from a Schema or {name: type}."""
    if isinstance(types, Schema):
        return types
    return Schema([Field.parse(str(name), dtype) for name, dtype in dict(types).items()])


# ---- out: a pass as a Python iterator ------------------------------------------------------------------------------------------


class _Stopped(Exception):
    """Nobody takes the batches any more."""


def iterate(table: Dataset, ahead: int = 2) -> Iterator[Batch]:
    """The batches of one pass, which runs on a thread of its own at most `ahead` batches ahead of the one that is taken."""
    schema, context = table.schema, table._context
    ready: queue.Queue[Any] = queue.Queue(ahead)
    stop = threading.Event()
    cancel, request = context._token(), lib.aip_cancel_request

    def put(item: Any) -> None:
        while True:
            try:
                return ready.put(item, timeout=_ffi.TICK)
            except queue.Full:
                if stop.is_set() or _ffi.ending():
                    raise _Stopped from None

    def take(batch: Any) -> None:
        lib.aip_batch_retain(batch)
        put(Batch(_ffi.BatchHandle(batch.value), context, schema))

    def work() -> None:
        try:
            try:
                table._each(take, cancel=cancel)
            except BaseException as error:
                put(error)
            else:
                put(None)
        except _Stopped:
            pass

    thread = threading.Thread(target=work, name="aipipe-batches", daemon=True)
    thread.start()
    process = os.getpid()
    try:
        while True:
            if os.getpid() != process:
                raise ForkedError("this pass was begun before the process forked: begin another")
            item = ready.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        request(cancel)  # or it would read on where no row comes out
