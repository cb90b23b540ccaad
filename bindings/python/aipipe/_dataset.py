"""Datasets: tables that are described, and read when something is asked of them."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple, Optional, Union

from . import _ffi
from . import _prototypes as api
from ._batch import Batch, Schema
from ._context import Context, ProgressOption, default_context
from ._ffi import held, lib


def _json(params: dict[str, Any]) -> bytes:
    """Parameters as the library takes them; paths, expressions and NumPy's scalars are made what JSON can say."""
    return json.dumps(_plain(params), allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "__aipipe_expression__"):
        return value.__aipipe_expression__()
    if hasattr(value, "item"):  # a scalar of NumPy
        return _plain(value.item())
    raise TypeError(f"a parameter is {value!r}: expected text, a number, a truth value, None, or lists and dicts of these")


class RowCounts(NamedTuple):
    """What became of a source's rows in one pass: rows_in = rows_out + rows_rejected + rows_filtered."""

    rows_in: int
    rows_out: int
    rows_rejected: int
    rows_filtered: int


@api.aip_dataset_each_fn
def _on_batch(user: Optional[int], batch: Any, error: Any) -> int:
    try:
        with _ffi.inside():
            _ffi.kept(user or 0)(batch)
        return 0
    except BaseException as reason:
        return _ffi.fail(error, reason)


class Dataset:
    """A table: names and types of columns, and rows that are read when something asks for them. Immutable.

    It describes files, arrays in memory, or another dataset seen through stages; what is read twice is parsed once when memory
    allows. Datasets
    come from :func:`aipipe.read_csv`, :func:`aipipe.read`, :func:`aipipe.dataset` and from the methods here.
    """

    def __init__(self, handle: Any, context: Context) -> None:
        self._handle = handle
        self._context = context
        self._schema: Optional[Schema] = None

    # ---- what it is

    @property
    def context(self) -> Context:
        """The context that it was made from."""
        return self._context

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        if self._schema is None:
            self._schema = Schema._of(held.aip_dataset_schema(self._handle))
        return self._schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.schema.names

    @property
    def dtypes(self) -> dict[str, str]:
        """Types of the columns: {name: type}."""
        return {field.name: field.dtype for field in self.schema}

    # ---- passes

    def head(self, n: int = 5) -> Dataset:
        """The first n rows, in memory; no more is read than they need."""
        return self._made(lambda call, out: _ffi.call(lib.aip_dataset_head, self._handle, n, call, out))

    def collect(self, progress: ProgressOption = None, timeout: Optional[float] = None) -> Dataset:
        """The whole table, in memory.

        Args:
            progress: True: a line on standard error; a callable: called with a :class:`aipipe.Progress` now and then.
            timeout: seconds after which :class:`aipipe.Timeout` is raised.
        Raises:
            MemoryLimitError: it does not fit.
        """
        return self._made(lambda call, out: _ffi.call(lib.aip_dataset_collect, self._handle, call, out), progress, timeout)

    def count(self, progress: ProgressOption = None, timeout: Optional[float] = None) -> int:
        """The number of rows; a pass over the data unless it is known."""
        out = ctypes.c_int64()

        def work(call: Any) -> None:
            _ffi.call(lib.aip_dataset_count, self._handle, call, ctypes.byref(out))

        self._context._run(work, progress, timeout)
        return out.value

    def _made(
        self, work: Callable[[Any, Any], None], progress: ProgressOption = None, timeout: Optional[float] = None
    ) -> Dataset:
        """A dataset that a call makes: work(call, out)."""
        out = _ffi.DatasetHandle()
        self._context._run(lambda call: work(call, ctypes.byref(out)), progress, timeout)
        return Dataset(out, self._context)

    def _each(
        self,
        fn: Callable[[Any], None],
        counts: Optional[Any] = None,
        progress: ProgressOption = None,
        timeout: Optional[float] = None,
    ) -> None:
        """One pass; fn is given each batch (borrowed, on any thread, one call at a time)."""
        key = _ffi.keep(fn)
        to = None if counts is None else ctypes.byref(counts)

        def work(call: Any) -> None:
            _ffi.call(lib.aip_dataset_each, self._handle, call, _on_batch, key, to)

        try:
            self._context._run(work, progress, timeout)
        finally:
            _ffi.release_kept(key)

    def _batches(self) -> list[Batch]:
        """All batches, in memory."""
        found: list[Batch] = []
        schema = self.schema

        def take(batch: Any) -> None:
            lib.aip_batch_retain(batch)
            found.append(Batch(_ffi.BatchHandle(batch.value), self._context, schema))

        self._each(take)
        return found

    # ---- out into Python

    def to_dict(self) -> dict[str, list[Any]]:
        """Column by column: {name: list of values}, None where missing."""
        columns: dict[str, list[Any]] = {name: [] for name in self.columns}
        for batch in self._batches():
            for i, values in enumerate(columns.values()):
                values.extend(batch[i])
        return columns

    def to_records(self) -> list[dict[str, Any]]:
        """Row by row: a list of {name: value}, None where missing."""
        return [record for batch in self._batches() for record in batch.to_records()]


def read(
    path: Union[str, os.PathLike[str], Sequence[Union[str, os.PathLike[str]]]],
    *,
    context: Optional[Context] = None,
    **options: Any,
) -> Dataset:
    """Files as a dataset. Only as much is read as names and types of the columns need.

    Args:
        path: a file, a list of files, or a pattern with ``* ? [ ]``; gzip is recognised by its content.
        context: the context to make it from; None: the default one.
        **options: as the catalogue's ``read`` lists them (``aipipe catalog read``); see :func:`read_csv`.
    Raises:
        NotFoundError, IOError_, DataError, CorruptError, ParamError.
    """
    context = context or default_context()
    out = _ffi.DatasetHandle()
    params = _json({"path": path, **options})
    context._run(lambda call: _ffi.call(lib.aip_dataset_read, context._handle, params, ctypes.byref(out)))
    return Dataset(out, context)


def read_csv(
    path: Union[str, os.PathLike[str], Sequence[Union[str, os.PathLike[str]]]],
    *,
    context: Optional[Context] = None,
    **options: Any,
) -> Dataset:
    """CSV files as a dataset."""
    return read(path, context=context, format="csv", **options)
