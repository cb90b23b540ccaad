"""Datasets: tables that are described, and read when something is asked of them."""

from __future__ import annotations

import ctypes
import itertools
import json
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable, Literal, NamedTuple, Optional, TypeVar, Union

from . import _arrow, _ffi, _host, _out, _show
from . import _prototypes as api
from ._batch import Batch, Schema
from ._context import Context, ProgressOption, default_context
from ._errors import Error, MisuseError
from ._expression import Expression, text_of
from ._ffi import held, lib
from ._source import batch_dataset, from_callable, iterate, schema_of

Path = Union[str, "os.PathLike[str]"]
Self = TypeVar("Self", bound="Dataset")


def _json(params: Mapping[str, Any]) -> bytes:
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
    allows. Datasets come from :func:`aipipe.read_csv`, :func:`aipipe.read`, :func:`aipipe.dataset` and from the methods here.

    Other libraries take it as an Arrow table (``pyarrow.table(ds)``, ``polars.DataFrame(ds)``, ``pandas`` through
    :meth:`to_pandas`). It is true also when it has no rows.
    """

    def __init__(self, handle: Any, context: Context, in_memory: bool = False, near: bool = False) -> None:
        """For this package: from an `aip_dataset *` to own. Programs call :func:`aipipe.dataset` and its kin.

        near: all that it is computed from is in memory.
        """
        self._handle = handle
        self._context = context
        self._in_memory = in_memory
        self._near = near or in_memory
        self._schema: Optional[Schema] = None
        self._counts: Optional[RowCounts] = None

    # ---- what it is

    @property
    def context(self) -> Context:
        """The context that it was made from."""
        return self._context

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        if self._schema is None:
            if self._handle.value is None:
                raise MisuseError("the dataset is closed")
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

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return self.count()

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drops the handle at once; what was made from the dataset keeps what it needs."""
        self._handle = _ffi.DatasetHandle()

    def __reduce__(self) -> Any:
        raise TypeError("a Dataset cannot be pickled: to_arrow(), to_pandas() or to_dict() give tables that can")

    # ---- passes

    def _made(
        self,
        work: Callable[[Any, Any], None],
        progress: ProgressOption = None,
        timeout: Optional[float] = None,
        in_memory: bool = False,
    ) -> Dataset:
        """A dataset that a call makes: work(call, out)."""
        out = _ffi.DatasetHandle()
        self._context._run(lambda call: work(call, ctypes.byref(out)), progress, timeout)
        return Dataset(out, self._context, in_memory, self._near)

    def head(self, n: int = 5) -> Dataset:
        """The first n rows, in memory; no more is read than they need."""
        n = min(operator.index(n), 2**63 - 1)
        if n < 0:
            raise ValueError(f"head: n is {n}: expected 0 or more")
        return self._made(lambda call, out: _ffi.call(lib.aip_dataset_head, self._handle, n, call, out), in_memory=True)

    def collect(self, progress: ProgressOption = None, timeout: Optional[float] = None) -> Dataset:
        """The whole table, in memory.

        Args:
            progress: True: a line on standard error; a callable: called with a :class:`aipipe.Progress` now and then.
            timeout: seconds after which :class:`aipipe.Timeout` is raised.

        Raises:
            MemoryLimitError: it does not fit.
        """
        if self._in_memory:
            return self
        return self._made(
            lambda call, out: _ffi.call(lib.aip_dataset_collect, self._handle, call, out), progress, timeout, in_memory=True
        )

    def count(self, missing: bool = False, progress: ProgressOption = None, timeout: Optional[float] = None) -> Any:
        """The number of rows; a pass over the data unless it is known.

        Args:
            missing: count missing values instead: {column: how many are null, or NaN among floats}.
            progress: as in :meth:`collect`.
            timeout: seconds after which :class:`aipipe.Timeout` is raised.
        """
        if missing:
            return self._count_missing(progress, timeout)
        out = ctypes.c_int64()

        def work(call: Any) -> None:
            _ffi.call(lib.aip_dataset_count, self._handle, call, ctypes.byref(out))

        self._context._run(work, progress, timeout)
        return out.value

    def _count_missing(self, progress: ProgressOption, timeout: Optional[float]) -> dict[str, int]:
        schema, context = self.schema, self._context
        counts = dict.fromkeys(schema.names, 0)

        def take(batch: Any) -> None:
            lib.aip_batch_retain(batch)
            mine = Batch(_ffi.BatchHandle(batch.value), context, schema)
            for i, name in enumerate(counts):
                counts[name] += mine.n_missing(i)

        self._each(take, None, progress, timeout)
        return counts

    def _each(
        self,
        fn: Callable[[Any], None],
        counts: Optional[Any] = None,
        progress: ProgressOption = None,
        timeout: Optional[float] = None,
        cancel: Any = None,
    ) -> None:
        """One pass; fn is given each batch (borrowed, on any thread, one call at a time)."""
        key = _ffi.keep(fn)
        to = None if counts is None else ctypes.byref(counts)

        def work(call: Any) -> None:
            _ffi.call(lib.aip_dataset_each, self._handle, call, _on_batch, key, to)

        try:
            self._context._run(work, progress, timeout, cancel)
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

    def batches(self) -> Iterator[Batch]:
        """The rows of one pass, batch by batch, in order; a few are held at a time, however large the table is."""
        return iterate(self)

    def __iter__(self) -> Iterator[Batch]:
        return iterate(self)

    @property
    def rejects(self) -> Dataset:
        """What the last full pass over the source rejected: source, line, column, offset, reason, raw. A pass when there was
        none.

        Raises:
            UnsupportedError: it does not come from files.
        """
        return self._made(lambda call, out: _ffi.call(lib.aip_dataset_rejects, self._handle, call, out), in_memory=True)

    @property
    def row_counts(self) -> RowCounts:
        """What became of the source's rows in a pass (one is made at first): rows in = out + rejected + filtered."""
        if self._counts is None:
            counts = api.aip_row_counts()
            self._each(lambda batch: None, counts)
            self._counts = RowCounts(counts.rows_in, counts.rows_out, counts.rows_rejected, counts.rows_filtered)
        return self._counts

    def write(self, path: Path, progress: ProgressOption = None, timeout: Optional[float] = None, **options: Any) -> RowCounts:
        """Writes a file, whole or not at all; missing folders are made.

        Args:
            path: its format and compression follow from the extension, such as ``.csv`` and ``.csv.gz``.
            progress: as in :meth:`collect`.
            timeout: seconds after which :class:`aipipe.Timeout` is raised.
            **options: as the catalogue's ``write`` lists them: format, compression_level, delimiter, header, null_value.

        Raises:
            IOError_, ParamError, and what the pass meets.
        """
        counts = api.aip_row_counts()
        params = _json({"path": path, **options})

        def work(call: Any) -> None:
            _ffi.call(lib.aip_dataset_write, self._handle, params, call, ctypes.byref(counts))

        self._context._run(work, progress, timeout)
        return RowCounts(counts.rows_in, counts.rows_out, counts.rows_rejected, counts.rows_filtered)

    def write_csv(
        self, path: Path, progress: ProgressOption = None, timeout: Optional[float] = None, **options: Any
    ) -> RowCounts:
        """Writes a CSV file, compressed when the name ends in ``.gz``. See :meth:`write`."""
        return self.write(path, progress, timeout, format="csv", **options)

    def write_arrow(
        self, path: Path, progress: ProgressOption = None, timeout: Optional[float] = None, **options: Any
    ) -> RowCounts:
        """Writes an Arrow IPC file, or a stream when the name ends in ``.arrows``; options: layout (``"file"``, ``"stream"``),
        compression (``"zstd"``, buffer by buffer), compression_level. See :meth:`write`."""
        return self.write(path, progress, timeout, format="arrow", **options)

    def write_ndjson(
        self, path: Path, progress: ProgressOption = None, timeout: Optional[float] = None, **options: Any
    ) -> RowCounts:
        """Writes a file of one JSON object to a line, compressed when the name ends in ``.gz``. See :meth:`write`."""
        return self.write(path, progress, timeout, format="ndjson", **options)

    def write_json(
        self, path: Path, progress: ProgressOption = None, timeout: Optional[float] = None, **options: Any
    ) -> RowCounts:
        """Writes a file of one JSON array of objects, compressed when the name ends in ``.gz``. See :meth:`write`."""
        return self.write(path, progress, timeout, format="json", **options)

    def split(
        self,
        test_size: Union[float, int, None] = None,
        train_size: Union[float, int, None] = None,
        random_state: int = 0,
        shuffle: bool = True,
        stratify: Optional[str] = None,
        method: Literal["permutation", "hash"] = "permutation",
        progress: ProgressOption = None,
    ) -> tuple[Dataset, Dataset]:
        """A training and a test part: the rows that scikit-learn's ``train_test_split`` chooses, in the order of the table.

        Args:
            test_size: fraction (rounded up) or number of rows of the test part; None: what train_size leaves, or 0.25.
            train_size: fraction (rounded down) or number of rows of the training part; None: what test_size leaves.
            random_state: the same one gives the same rows, here and in scikit-learn.
            shuffle: choose at random; False: the training part comes first.
            stratify: column whose classes both parts have in equal proportion.
            method: ``"permutation"``: scikit-learn's rows; ``"hash"``: each row by itself, without counting the rows first.
            progress: as in :meth:`collect`.
        """
        options = {
            "test_size": test_size,
            "train_size": train_size,
            "random_state": random_state,
            "shuffle": shuffle,
            "stratify": stratify,
            "method": method,
        }
        params = _json(options)
        train, test = _ffi.DatasetHandle(), _ffi.DatasetHandle()

        def work(call: Any) -> None:
            _ffi.call(lib.aip_dataset_split, self._handle, params, call, ctypes.byref(train), ctypes.byref(test))

        self._context._run(work, progress)
        return Dataset(train, self._context, near=self._near), Dataset(test, self._context, near=self._near)

    # ---- stages

    def transform(self, stage: Any) -> Dataset:
        """The table seen through a stage or pipeline that is fitted or has nothing to fit; lazy.

        Raises:
            StateError: the stage is not fitted.
            SchemaError: a column that it needs is missing or of another type.
        """
        if isinstance(stage, api.aip_stage):
            return self._made(lambda _, out: _ffi.call(lib.aip_dataset_transform, self._handle, stage, out))
        made = stage.transform(self)
        if not isinstance(made, Dataset):
            raise TypeError(f"{type(stage).__name__} gave {type(made).__name__}: expected a stage that transforms datasets")
        return made

    def _stage(self, name: str, params: Mapping[str, Any], inputs: Optional[Mapping[str, Dataset]] = None) -> Dataset:
        """The table seen through a stage of the catalogue."""
        given = dict(inputs or {})
        tables = (api.aip_input * max(1, len(given)))()
        for place, (key, table) in zip(tables, given.items()):
            place.struct_size = ctypes.sizeof(api.aip_input)
            place.name = key.encode()
            place.dataset = table._handle
        stage = _ffi.StageHandle()
        _ffi.call(
            lib.aip_stage_create,
            self._context._handle,
            name.encode(),
            _json(params),
            tables,
            len(given),
            ctypes.byref(stage),
        )
        if not held.aip_stage_is_fitted(stage):
            fitted = _ffi.StageHandle()
            self._context._run(lambda call: _ffi.call(lib.aip_stage_fit, stage, self._handle, call, ctypes.byref(fitted)))
            stage = fitted
        made = self.transform(stage)
        made._near = self._near and all(table._near for table in given.values())
        return made

    def select(self, columns: Union[str, Sequence[str]]) -> Dataset:
        """Only these columns, in this order: names, a pattern with ``* ?``, ``"numeric"``, ``"text"`` or ``"all"``."""
        return self._stage("select", {"columns": columns})

    def __getitem__(self, columns: Union[str, Sequence[str]]) -> Dataset:
        return self.select([columns] if isinstance(columns, str) else list(columns))

    def drop(self, columns: Union[str, Sequence[str]]) -> Dataset:
        """Without these columns."""
        return self._stage("drop", {"columns": columns})

    def rename(self, columns: Mapping[str, str]) -> Dataset:
        """With other names: {old: new}."""
        return self._stage("rename", {"columns": columns})

    def cast(self, columns: Mapping[str, str], on_bad_cell: Literal["error", "null"] = "error") -> Dataset:
        """With columns of other types: {name: type}, such as ``"float64"``, ``"timestamp[UTC]"`` or ``"decimal64(2)"``.

        on_bad_cell: what becomes of a value that the type cannot hold: an error in the pass, or null.
        """
        return self._stage("cast", {"columns": columns, "on_bad_cell": on_bad_cell})

    def derive(self, **columns: Union[str, Expression, int, float, bool, None]) -> Dataset:
        """With columns added or replaced, each computed by an expression: ``derive(late="arr_delay > 15")``.

        A later one sees the earlier ones. For names that are no Python names: ``derive(**{"odd name": col("x") + 1})``.
        """
        return self._stage("derive", {name: _expression(value) for name, value in columns.items()})

    def filter(self, where: Union[str, Expression]) -> Dataset:
        """The rows for which an expression is true: ``filter("dep_delay > 0")``, ``filter(col("dep_delay") > 0)``."""
        return self._stage("filter", {"where": text_of(where)})

    def drop_missing(
        self, columns: Union[str, Sequence[str]] = "all", how: Literal["any", "all"] = "any", nan_is_missing: bool = True
    ) -> Dataset:
        """Without the rows that have missing values.

        Args:
            columns: columns to look at, as in :meth:`select`.
            how: drop a row when any of them is missing, or only when all are.
            nan_is_missing: NaN in a column of floats counts as missing, as in pandas.
        """
        return self._stage("drop_missing", {"columns": columns, "how": how, "nan_is_missing": nan_is_missing})

    def join(
        self,
        other: Any,
        on: Union[str, Sequence[str], Mapping[str, str]],
        how: Literal["inner", "left"] = "inner",
        validate: Literal["m:1"] = "m:1",
        suffix: str = "_right",
    ) -> Dataset:
        """With the columns of another table where the keys are equal.

        Args:
            other: a dataset, or what :func:`aipipe.dataset` takes.
            on: key column, several, or {left: right}.
            how: ``"inner"``: only rows with a match; ``"left"``: every row, null where there is none.
            validate: the keys of the other table are unique; one that occurs twice is a :class:`aipipe.DataError`.
            suffix: added to a name of the other table that this one has too.
        """
        params = {"on": on, "how": how, "validate": validate, "suffix": suffix}
        return self._stage("join", params, {"with": dataset(other, context=self._context)})

    def map_batches(self, fn: Callable[[Batch], Any], schema: Union[Schema, Mapping[str, str], None] = None) -> Dataset:
        """The table whose batches are what `fn` makes of this one's; lazy. fn runs on one thread at a time, batch by batch in
        order.

        Args:
            fn: is given a :class:`Batch`, returns a Batch or what :func:`aipipe.dataset` takes (a dict of lists, a DataFrame,
                ...).
            schema: names and types that come out, {name: type}; None: those of the first batch's result, for which fn is called.
        """
        if schema is None:
            first = next(iterate(self), None)
            if first is None:
                raise ValueError("map_batches: there are no rows to find the schema from: give schema={name: type}")
            made = fn(first)
            schema = made.schema if isinstance(made, Batch) else dataset(made, context=self._context).schema

        def mapped() -> Iterator[Any]:  # a generator, in which a StopIteration of fn is an error and not the end of the rows
            for batch in iterate(self):
                yield fn(batch)

        return from_batches(mapped, schema, context=self._context)

    # ---- out into Python

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """A PyCapsule of the rows as an ArrowArrayStream (the table is brought into memory first). requested_schema is not
        followed."""
        return _arrow.stream_capsule(self.collect()._handle)

    def __arrow_c_schema__(self) -> Any:
        """A PyCapsule of the schema as an ArrowSchema."""
        return _arrow.schema_capsule(self._handle)

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

    def to_numpy(self, columns: Union[str, Sequence[str], None] = None) -> Any:
        """As an array of NumPy.

        Args:
            columns: one name: that column, of one dimension, without a copy for numbers and times without nulls that lie in one
                piece (a batch, at most 65,536 rows; or what came from one array). Several, or None for all: a matrix, rows by
                columns, of the type that holds them all; of objects where a column is not of numbers.

        Missing numbers are NaN (integers become floats then), missing times NaT, other missing values None.
        """
        return _out.to_numpy(self, columns)

    def to_pandas(self) -> Any:
        """As a pandas DataFrame; through pyarrow when it is installed."""
        return _out.to_pandas(self)

    def to_polars(self) -> Any:
        """As a polars DataFrame, which shares the memory."""
        return _out.to_polars(self)

    def to_arrow(self) -> Any:
        """As a pyarrow Table, which shares the memory."""
        return _out.to_arrow(self)

    # ---- for people

    def _shown(self, render: Callable[..., str], n: int = 10) -> str:
        dtypes = list(self.dtypes.values())
        if not self._near:
            return render(self.columns, dtypes, [[] for _ in dtypes], "not read yet: head() shows rows")
        try:
            first = self.head(n)
            total = self.count() if self._in_memory else None
        except Error as error:
            return render(self.columns, dtypes, [[] for _ in dtypes], f"not to be shown: {error}")
        try:
            rows = first.to_dict()
        except OverflowError:  # dates and times beyond Python's
            far = {f.name: "utf8" for f in self.schema if f.type in ("date32", "timestamp")}
            rows = first.cast(far).to_dict()
        found = first.count()
        if total is None and found == n:
            more = f"the first {n} rows shown"
        else:
            total = found if total is None else total
            more = f"{total:,} row{'s' * (total != 1)}" + (f", the first {n} shown" if total > n else "")
        return render(list(rows), dtypes, list(rows.values()), more)

    def __repr__(self) -> str:
        if self._handle.value is None:
            return "<aipipe.Dataset: closed>"
        return self._shown(_show.text_table)

    def _repr_html_(self) -> str:
        return self._shown(_show.html_table)


def _expression(value: Any) -> Any:
    return value.__aipipe_expression__() if isinstance(value, Expression) else value


# ---- sources -------------------------------------------------------------------------------------------------------------------


def dataset(table: Any, *, names: Optional[Sequence[str]] = None, context: Optional[Context] = None) -> Dataset:
    """A table of Python's, NumPy's, pandas', polars' or pyarrow's as a dataset in memory.

    Memory is shared where Arrow's layout allows: numbers and times without nulls. Nothing that the table shares may be changed
    afterwards.

    Args:
        table: a dict of columns (lists, arrays), a list of dicts, an array of NumPy (structured, or of one or two dimensions), a
            DataFrame of pandas (its index is left out) or polars, a Table or RecordBatchReader of pyarrow, whatever else has
            ``__arrow_c_stream__`` or ``__arrow_c_array__``, or a dataset.
        names: of the columns of an array of one or two dimensions; None: x0, x1, ...
        context: the context to make it from; None: the default one.

    Raises:
        TypeError: it is none of these, or a column holds what no type holds.
        SchemaError, UnsupportedError: a type of Arrow that has no place here (nested ones, times of day).
    """
    if isinstance(table, Dataset):
        if context is not None and context is not table._context:
            table = table.collect()
            return _collected(_arrow.from_stream(context, table.__arrow_c_stream__()), context)
        return table
    if isinstance(table, Batch) and (context is None or context is table._context):
        return batch_dataset(table)
    context = context or default_context()
    return _collected(_import(table, names, context), context)


def _collected(handle: Any, context: Context) -> Dataset:
    return Dataset(handle, context).collect()


def _import(table: Any, names: Optional[Sequence[str]], context: Context) -> Any:
    """A dataset handle over the table, to be read once."""
    module = type(table).__module__.split(".")[0]
    if module == "pandas":
        return _import_pandas(table, context)
    if module == "polars" and hasattr(table, "collect"):  # a LazyFrame
        table = table.collect()
    if hasattr(table, "__arrow_c_stream__"):
        return _arrow.from_stream(context, table.__arrow_c_stream__())
    if hasattr(table, "__arrow_c_array__"):
        return _arrow.from_array(context, *table.__arrow_c_array__())
    if isinstance(table, Mapping):
        return _arrow.from_columns(context, *_host.from_mapping(table))
    if isinstance(table, (list, tuple)) and all(isinstance(row, Mapping) for row in table):
        return _arrow.from_columns(context, *_host.from_records(table))
    if isinstance(table, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in table):
        widths = {len(row) for row in table}
        if len(widths) > 1:
            raise ValueError(f"rows of {min(widths)} to {max(widths)} values: expected as many in each")
        width = widths.pop()
        heads = [f"x{i}" for i in range(width)] if names is None else list(names)
        if len(heads) != width:
            raise ValueError(f"{len(heads)} names for {width} columns: expected as many")
        return _arrow.from_columns(context, *_host.from_mapping(dict(zip(heads, zip(*table)))))
    if hasattr(table, "__array__"):
        import numpy as np

        return _arrow.from_columns(context, *_host.from_matrix(np.asanyarray(table), names))
    raise TypeError(
        f"{type(table).__name__}: expected a dict of columns, a list of dicts, an array, a DataFrame, or a table that has"
        " __arrow_c_stream__"
    )


def _import_pandas(table: Any, context: Context) -> Any:
    if not hasattr(table, "columns"):
        raise TypeError(f"pandas {type(table).__name__}: expected a DataFrame (Series.to_frame() makes one)")
    try:
        import pyarrow
    except ImportError:
        columns = [_host.any_column(str(name), table.iloc[:, i]) for i, name in enumerate(table.columns)]
        return _arrow.from_columns(context, columns, len(table))
    if not all(isinstance(name, str) for name in table.columns):
        table = table.set_axis([str(name) for name in table.columns], axis="columns")
    arrow = pyarrow.Table.from_pandas(table, preserve_index=False)
    return _arrow.from_stream(context, arrow.__arrow_c_stream__())


def from_batches(
    source: Union[Callable[[], Iterable[Any]], Iterable[Any]],
    schema: Union[Schema, Mapping[str, str], None] = None,
    *,
    context: Optional[Context] = None,
) -> Dataset:
    """A dataset whose rows come from Python code, batch by batch; nothing is kept in memory but the batch in hand.

    Args:
        source: a callable, called for each pass, that returns an iterable of batches; or an iterable, for one pass only. A batch
            is whatever :func:`dataset` takes. It is asked from one thread at a time, not always the same.
        schema: names and types, {name: type}; columns are brought into this order and to these types. None: those of the first
            batch, for which a pass is begun.
        context: the context to make it from; None: the default one.
    """
    context = context or default_context()
    once = not callable(source)
    if schema is None:
        rows = iter(source() if callable(source) else source)
        try:
            first = next(rows)
        except StopIteration:
            raise ValueError("from_batches: there is no batch to find the schema from: give schema={name: type}") from None
        schema = first.schema if isinstance(first, Batch) else dataset(first, context=context).schema
        if once:
            source = itertools.chain([first], rows)
        elif hasattr(rows, "close"):
            rows.close()
    begin: Callable[[], Iterable[Any]] = source if callable(source) else lambda: source  # type: ignore[assignment,return-value]
    return Dataset(from_callable(begin, schema_of(schema), context, once), context)
