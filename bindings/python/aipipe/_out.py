"""Tables out into NumPy, pandas, polars and pyarrow, each used when it is installed and asked for."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

from ._batch import Batch, Field

if TYPE_CHECKING:
    from ._dataset import Dataset

_DTYPES = {"int32": "i4", "int64": "i8", "float32": "f4", "float64": "f8", "date32": "i4", "timestamp": "i8"}


class _Memory:
    """Memory of batches, which live as long as an array over it does: what NumPy's array interface asks for."""

    def __init__(self, owner: Any, address: int, dtype: str, n: int) -> None:
        self._owner = owner
        self.__array_interface__ = {
            "shape": (n,),
            "typestr": "<" + dtype.replace("M8", "i8"),
            "data": (address, True),
            "version": 3,
        }


def _mask(view: Any, n: int) -> Any:
    """True where a value is missing."""
    import numpy as np

    packed = np.frombuffer(ctypes.string_at(view.validity, (n + 7) // 8), dtype=np.uint8)
    return np.unpackbits(packed, count=n, bitorder="little") == 0


def batch_column(batch: Batch, index: int) -> Any:
    """A column of a batch as a one-dimensional array (see :meth:`Dataset.to_numpy`)."""
    import numpy as np

    field, n, view = batch.schema[index], len(batch), batch._view(index)
    missing = _mask(view, n) if n and view.validity and view.null_count else None
    if field.type == "bool":
        packed = np.frombuffer(ctypes.string_at(view.values, (n + 7) // 8) if n else b"", dtype=np.uint8)
        values = np.unpackbits(packed, count=n, bitorder="little").astype(bool)
        if missing is None:
            return values
        values = values.astype(object)
        values[missing] = None
        return values
    if field.type not in _DTYPES:
        values = np.empty(n, dtype=object)
        values[:] = batch[index]
        return values
    dtype = _DTYPES[field.type]
    values = np.asarray(_Memory(batch._handle, view.values, dtype, n)) if n else np.empty(0, dtype)
    if field.type == "date32":
        values = values.astype("datetime64[D]")
    elif field.type == "timestamp":
        values = values.view("datetime64[us]")
    if missing is None:
        return values
    if field.type in ("int32", "int64"):
        values = values.astype("f8")
    values = values.copy()
    values[missing] = "NaT" if values.dtype.kind == "M" else np.nan
    return values


def _joined(parts: list[Any], field: Field) -> Any:
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    if parts and not any(part.flags.writeable for part in parts):  # memory of batches: often pieces of one array
        ends = [part.ctypes.data + part.nbytes for part in parts]
        if all(end == part.ctypes.data for end, part in zip(ends, parts[1:])):
            dtype = parts[0].dtype
            whole = _Memory(parts, parts[0].ctypes.data, dtype.str[1:].split("[")[0], sum(map(len, parts)))
            return np.asarray(whole).view(dtype)
    if parts:
        return np.concatenate(parts)  # where some batches have nulls and others not, this finds the common type
    return np.empty(
        0, {"date32": "datetime64[D]", "timestamp": "datetime64[us]", "bool": "?"}.get(field.type, _DTYPES.get(field.type, "O"))
    )


def to_numpy(table: Dataset, columns: Union[str, Sequence[str], None]) -> Any:
    """See :meth:`Dataset.to_numpy`."""
    import numpy as np

    if isinstance(columns, str):
        index = table.schema.names.index(table.schema[columns].name)
        return _joined([batch_column(batch, index) for batch in table._batches() if len(batch)], table.schema[index])
    names = table.columns if columns is None else list(columns)
    indices = [table.schema.names.index(table.schema[name].name) for name in names]
    fields = [table.schema[i] for i in indices]
    batches = [batch for batch in table._batches() if len(batch)]
    if all(field.type in ("bool", "int32", "int64", "float32", "float64") for field in fields) and fields:
        kinds = {"bool": "?", "int32": "i4", "int64": "i8", "float32": "f4", "float64": "f8"}
        dtype = np.result_type(*(np.dtype(kinds[field.type]) for field in fields))
        if any(batch._view(i).null_count for batch in batches for i in indices):
            dtype = np.result_type(dtype, np.float32 if dtype.itemsize <= 2 else np.float64)
    else:
        dtype = np.dtype(object)
    out = np.empty((sum(map(len, batches)), len(indices)), dtype=dtype, order="F")
    start = 0
    for batch in batches:
        end = start + len(batch)
        for j, i in enumerate(indices):
            column = batch_column(batch, i)
            if column.dtype.kind == "O" and dtype.kind == "f":  # bool with nulls
                column = np.array([np.nan if v is None else v for v in column], dtype=dtype)
            out[start:end, j] = column.astype(object) if dtype.kind == "O" else column
        start = end
    return out


def to_pandas(table: Dataset) -> Any:
    """See :meth:`Dataset.to_pandas`."""
    import pandas

    try:
        import pyarrow
    except ImportError:
        pass
    else:
        return pyarrow.table(table).to_pandas()
    batches = [batch for batch in table._batches() if len(batch)]
    columns = {}
    for i, field in enumerate(table.schema):
        series = pandas.Series(_joined([batch_column(batch, i) for batch in batches], field))
        if field.type == "timestamp" and field.zone:
            series = series.dt.tz_localize("UTC").dt.tz_convert(field.zone)
        elif field.type == "date32":  # as pyarrow does: dates as Python's dates
            series = series.astype(object).where(series.notna(), None)
            series = series.map(lambda day: day.date() if hasattr(day, "date") else day)
        elif field.type == "dictionary":
            series = series.astype("category")
        columns[i] = series
    frame = pandas.DataFrame(columns)
    frame.columns = pandas.Index(table.columns)
    return frame


def to_polars(table: Dataset) -> Any:
    """See :meth:`Dataset.to_polars`."""
    import polars

    return polars.DataFrame(table)


def to_arrow(table: Dataset) -> Any:
    """See :meth:`Dataset.to_arrow`."""
    import pyarrow

    return pyarrow.table(table)
