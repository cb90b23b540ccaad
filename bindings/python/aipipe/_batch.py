"""Schemas and batches: the names and types of a table's columns, and a piece of its rows, as Python values or NumPy arrays."""

from __future__ import annotations

import ctypes
import datetime
import decimal
import re
from collections.abc import Iterator, Sequence
from itertools import chain, compress, repeat
from typing import Any, Callable, NamedTuple, Optional, Union, overload

from . import _ffi
from . import _prototypes as api
from ._ffi import held, lib

TYPE_NAMES = {
    getattr(api, "AIP_" + name.upper()): name
    for name in (
        # The words that parameters use
        "bool int32 int64 float32 float64 utf8 binary dictionary date32 timestamp decimal64".split()
    )
}
TYPE_NUMBERS = {name: number for number, name in TYPE_NAMES.items()}
_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_UTC = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_FORMATS = {
    "int32": "i",
    "int64": "q",
    "float32": "f",
    "float64": "d",
    "date32": "i",
    "timestamp": "q",
    "decimal64": "q",
    "dictionary": "i",
}
WIDTHS = {name: ctypes.sizeof(ctypes.c_int32 if code in "if" else ctypes.c_int64) for name, code in _FORMATS.items()}


class Field(NamedTuple):
    """One column of a schema.

    Attributes:
        name: its name.
        type: ``"bool"``, ``"int32"``, ``"int64"``, ``"float32"``, ``"float64"``, ``"utf8"``, ``"binary"``, ``"dictionary"``,
            ``"date32"``,
            ``"timestamp"`` or ``"decimal64"``.
        zone: of a timestamp: its time zone, or None for wall time.
        scale: of a decimal64: digits after the point.
        nullable: whether it may hold nulls.
    """

    name: str
    type: str
    zone: Optional[str] = None
    scale: int = 0
    nullable: bool = True

    @property
    def dtype(self) -> str:
        """The type as parameters write it: ``"int64"``, ``"timestamp[UTC]"``, ``"decimal64(2)"``."""
        if self.type == "timestamp" and self.zone:
            return f"timestamp[{self.zone}]"
        return f"decimal64({self.scale})" if self.type == "decimal64" else self.type

    @classmethod
    def parse(cls, name: str, dtype: str) -> Field:
        """The field for a type as parameters write it. Raises ValueError for an unknown one."""
        match = re.fullmatch(r"(\w+)(?:\[([^\]]+)\]|\((\d+)\))?", dtype.strip())
        if (
            match
            and match[1] in TYPE_NUMBERS
            and (not match[2] or match[1] == "timestamp")
            and (not match[3] or match[1] == "decimal64")
        ):
            return cls(name, match[1], match[2], int(match[3] or 0))
        raise ValueError(
            f"column {name!r}: unknown type {dtype!r}: expected one of "
            f"{', '.join(TYPE_NUMBERS)}, timestamp[ZONE], decimal64(SCALE)"
        )


class Schema(Sequence[Field]):
    """The columns of a table in order: a sequence of :class:`Field`, also found by name."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = tuple(fields)

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [field.name for field in self._fields]

    @overload
    def __getitem__(self, key: Union[int, str]) -> Field: ...

    @overload
    def __getitem__(self, key: slice) -> Schema: ...

    def __getitem__(self, key: Union[int, str, slice]) -> Union[Field, Schema]:
        if isinstance(key, str):
            for field in self._fields:
                if field.name == key:
                    return field
            raise KeyError(f"no column {key!r}: there are {', '.join(self.names)}")
        if isinstance(key, slice):
            return Schema(self._fields[key])
        return self._fields[key]

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, key: object) -> bool:
        return key in self._fields or key in self.names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        return "Schema(" + ", ".join(f"{field.name}: {field.dtype}" for field in self._fields) + ")"

    @classmethod
    def _of(cls, schema: Any) -> Schema:
        """From an `aip_schema *`, borrowed."""
        fields = []
        for i in range(held.aip_schema_n_fields(schema)):
            f = held.aip_schema_field(schema, i).contents
            zone = f.zone.decode() if f.zone else None
            fields.append(Field(f.name.decode(), TYPE_NAMES[f.type], zone, f.scale, bool(f.nullable)))
        return cls(fields)

    def _create(self, context: Any) -> Any:
        """A new schema of the library."""
        fields = (api.aip_field * max(1, len(self)))()
        for c, field in zip(fields, self._fields):
            c.struct_size = ctypes.sizeof(api.aip_field)
            c.type = TYPE_NUMBERS[field.type]
            c.name = _ffi.name(field.name, "the column name")
            c.zone = _ffi.name(field.zone, "the time zone") if field.zone else None
            c.scale = field.scale
            c.nullable = field.nullable
        out = _ffi.SchemaHandle()
        _ffi.call(lib.aip_schema_create, context._handle, fields, len(self), ctypes.byref(out))
        return out


def time_zone(zone: str) -> datetime.tzinfo:
    """The time zone of a timestamp column."""
    if zone in ("UTC", "Z", "Etc/UTC"):
        return datetime.timezone.utc
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", zone)
    if match:
        minutes = int(match[2]) * 60 + int(match[3])
        return datetime.timezone(datetime.timedelta(minutes=-minutes if match[1] == "-" else minutes))
    import zoneinfo

    return zoneinfo.ZoneInfo(zone)


# ---- buffers into Python values ------------------------------------------------------------------------------------------------

_BITS = [tuple(bool(byte >> i & 1) for i in range(8)) for byte in range(256)]


def _bits(address: int, n: int) -> list[bool]:
    return list(chain.from_iterable(map(_BITS.__getitem__, ctypes.string_at(address, (n + 7) // 8))))[:n]


def _numbers(address: int, code: str, n: int) -> list[Any]:
    return memoryview(ctypes.string_at(address, n * (4 if code in "if" else 8))).cast(code).tolist()  # type: ignore[call-overload,no-any-return]


def _texts(offsets: int, values: int, n: int, binary: bool) -> list[Any]:
    if n == 0:
        return []
    ends = _numbers(offsets, "i", n + 1)
    data = ctypes.string_at(values + ends[0], ends[n] - ends[0]) if ends[n] > ends[0] else b""
    first = ends[0]
    pairs = zip(ends, ends[1:])
    if binary:
        return [data[a - first : b - first] for a, b in pairs]
    text = data.decode()
    if len(text) == len(data):  # ASCII: characters are bytes
        return [text[a - first : b - first] for a, b in pairs]
    return [data[a - first : b - first].decode() for a, b in pairs]


def _converter(field: Field) -> Optional[Callable[[int], Any]]:
    """From the stored integer to the Python value."""
    if field.type == "date32":
        return lambda day: datetime.date.fromordinal(day + _EPOCH_DAY)
    if field.type == "timestamp" and field.zone:
        zone = time_zone(field.zone)
        return lambda t: (_EPOCH_UTC + datetime.timedelta(microseconds=t)).astimezone(zone)
    if field.type == "timestamp":
        return lambda t: _EPOCH + datetime.timedelta(microseconds=t)
    if field.type == "decimal64":
        scale = -field.scale
        return lambda v: decimal.Decimal(v).scaleb(scale)
    return None


class Batch:
    """Some rows of a table, at most 65,536, immutable. ``batch["name"]`` is a column as a list.

    It offers ``__arrow_c_array__``, so pyarrow, polars and others take it over without a copy.
    """

    def __init__(self, handle: Any, context: Any, schema: Optional[Schema] = None) -> None:
        self._handle = handle
        self._context = context
        self._schema = schema

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        if self._schema is None:
            self._schema = Schema._of(held.aip_batch_schema(self._handle))
        return self._schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.schema.names

    def __len__(self) -> int:
        return int(held.aip_batch_n_rows(self._handle))

    def __repr__(self) -> str:
        return f"<aipipe.Batch: {len(self):,} rows, {len(self.schema)} columns>"

    def _index(self, column: Union[int, str]) -> int:
        if isinstance(column, int):
            return range(len(self.schema))[column]
        self.schema[column]  # KeyError with the names there are
        return self.columns.index(column)

    def _view(self, index: int) -> Any:
        view = api.aip_column_view()
        _ffi.call(held.aip_batch_column, self._handle, index, ctypes.byref(view))
        return view

    def __getitem__(self, column: Union[int, str]) -> list[Any]:
        index = self._index(column)
        view, field, n = self._view(index), self.schema[index], len(self)
        validity = _bits(view.validity, n) if view.validity and view.null_count and n else None
        if n == 0:
            return []
        if field.type == "bool":
            values: list[Any] = _bits(view.values, n)
        elif field.type in ("utf8", "binary"):
            values = _texts(view.offsets, view.values or 0, n, field.type == "binary")
        elif field.type == "dictionary":
            words = _texts(view.dictionary_offsets, view.dictionary_bytes or 0, view.dictionary_length, False) or [""]
            values = list(map(words.__getitem__, _numbers(view.values, "i", n)))
        else:
            values = _numbers(view.values, _FORMATS[field.type], n)
            convert = _converter(field)
            if convert:
                try:
                    if validity:
                        return [convert(v) if ok else None for v, ok in zip(values, validity)]
                    return list(map(convert, values))
                except (OverflowError, ValueError):
                    raise OverflowError(
                        f"column {field.name!r}: a {field.dtype} outside the years 1 to 9999, which Python's datetime"
                        " cannot hold: to_numpy() and to_arrow() can"
                    ) from None
        return [v if ok else None for v, ok in zip(values, validity)] if validity else values

    def to_dict(self) -> dict[str, list[Any]]:
        """Column by column: {name: list of values}, None where missing."""
        return {name: self[i] for i, name in enumerate(self.columns)}

    def to_records(self) -> list[dict[str, Any]]:
        """Row by row: a list of {name: value}."""
        return list(records(self.to_dict(), len(self)))

    def n_missing(self, column: Union[int, str]) -> int:
        """How many values of a column are null, or NaN in a column of floats."""
        index = self._index(column)
        view, field, n = self._view(index), self.schema[index], len(self)
        missing = max(0, view.null_count)
        if field.type in ("float32", "float64") and n:
            values = _numbers(view.values, _FORMATS[field.type], n)
            if view.validity and view.null_count:
                values = list(compress(values, _bits(view.validity, n)))
            missing += sum(map(float.__ne__, values, values))
        return missing

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """Capsules of an ArrowSchema and an ArrowArray that share this batch's memory. requested_schema is not followed."""
        from ._arrow import batch_capsules

        return batch_capsules(self._handle)


def records(columns: dict[str, list[Any]], n: int) -> Iterator[dict[str, Any]]:
    """Rows from columns."""
    names = list(columns)
    rows = zip(*columns.values()) if names else repeat((), n)
    return (dict(zip(names, row)) for row in rows)
