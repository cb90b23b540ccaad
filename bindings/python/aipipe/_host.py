"""Python's and NumPy's values as Arrow columns. Numbers of NumPy are shared; lists are packed; None, NaT and pandas.NA become
null.

A NaN stays the float NaN (models and stages treat it as missing where they say so), but for tables of pandas, where NaN means
missing.
"""

from __future__ import annotations

import ctypes
import datetime
import decimal
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ._arrow import Column

_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=datetime.timezone.utc)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_MICRO = datetime.timedelta(microseconds=1)

# dtype.kind and itemsize of NumPy, as Arrow's formats
_NUMPY = {"i1": "c", "u1": "C", "i2": "s", "u2": "S", "i4": "i", "u4": "I", "i8": "l", "u8": "L", "f2": "e", "f4": "f", "f8": "g"}
_UNITS = {"s": "tss:", "ms": "tsm:", "us": "tsu:", "ns": "tsn:", "D": "tdD"}


def _bitmap(bits: Iterable[bool]) -> bytes:
    """Bit i of the result is the i-th of `bits`."""
    text = "".join("1" if bit else "0" for bit in bits)
    return int(text[::-1], 2).to_bytes((len(text) + 7) // 8, "little") if text else b""


def _address(buffer: Any) -> int:
    if isinstance(buffer, array):
        return buffer.buffer_info()[0]
    return ctypes.cast(ctypes.c_char_p(buffer), ctypes.c_void_p).value or 0


def _column(name: str, form: str, n: int, validity: Optional[bytes], nulls: int, *buffers: Any) -> Column:
    addresses = [_address(validity) if validity else 0, *(_address(b) for b in buffers)]
    return Column(name, form, n, nulls, addresses, (validity, buffers))


def _missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def from_list(name: str, values: Sequence[Any]) -> Column:
    """A column of Python values: bool, int, float, str, bytes, date, datetime or Decimal, and None.

    Raises:
        TypeError: they are of kinds that no column holds together.
        OverflowError: an integer needs more than 64 bits, or a Decimal more than 18 digits.
    """
    kinds = set(map(type, values))
    if any(kind.__module__ == "numpy" for kind in kinds):
        values = [value.item() if type(value).__module__ == "numpy" else value for value in values]
        kinds = set(map(type, values))
    if any(kind.__name__ in ("NAType", "NaTType") for kind in kinds):
        values = [None if _missing(value) else value for value in values]
        kinds = set(map(type, values))
    n = len(values)
    texts = [kind for kind in kinds if issubclass(kind, (str, bytes))]
    if texts and float in kinds:  # a NaN among texts is how columns of objects say missing
        values = [None if type(value) is float and value != value else value for value in values]
        kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return Column(name, "n", n, n, [], None)
    holes = None in values if n < 64 else any(value is None for value in values)
    validity = _bitmap(value is not None for value in values) if holes else None
    nulls = sum(value is None for value in values) if holes else 0

    def each(*types: type) -> bool:
        return all(issubclass(kind, types) for kind in kinds)

    def filled(zero: Any) -> Any:
        return (zero if value is None else value for value in values) if holes else values

    def packed(form: str, code: str, numbers: Iterable[Any]) -> Column:
        try:
            return _column(name, form, n, validity, nulls, array(code, numbers))
        except OverflowError:
            raise OverflowError(f"column {name!r}: an integer needs more than 64 bits") from None

    if each(bool):
        return _column(name, "b", n, validity, nulls, _bitmap(filled(False)))
    if each(int):
        return packed("l", "q", filled(0))
    if each(int, float):
        return packed("g", "d", filled(0.0))
    if each(str):
        try:
            parts = [value.encode() for value in filled("")]
        except UnicodeEncodeError as error:
            row = next(i for i, value in enumerate(values) if value == error.object)
            raise ValueError(f"column {name!r}, row {row} (from 0): {error.object!r} holds half a surrogate pair") from None
        return _texts(name, "uU", parts, validity, nulls)
    if each(bytes):
        return _texts(name, "zZ", list(filled(b"")), validity, nulls)
    if each(datetime.datetime):
        aware = {value.tzinfo is not None for value in values if value is not None}
        if len(aware) > 1:
            raise TypeError(f"column {name!r}: timestamps with and without a time zone: expected one kind")
        zoned = aware == {True}
        start = _EPOCH_UTC if zoned else _EPOCH
        return packed("tsu:UTC" if zoned else "tsu:", "q", ((value - start) // _MICRO for value in filled(start)))
    if each(datetime.date) and not any(issubclass(kind, datetime.datetime) for kind in kinds):
        return packed("tdD", "i", (value.toordinal() - _EPOCH_DAY for value in filled(_EPOCH.date())))
    if each(decimal.Decimal, int) and decimal.Decimal in kinds:
        return _decimals(name, values, validity, nulls)
    found = sorted(kind.__name__ for kind in kinds)
    some = next(value for value in values if value is not None)
    row = next((i for i, value in enumerate(values) if value is not None and type(value) is not type(some)), None)
    place = "" if row is None else f" ({repr(values[row])[:50]} in row {row}, from 0)"
    raise TypeError(
        f"column {name!r} holds {', '.join(found)}{place}: expected bool, int, float, str, bytes, date, datetime or Decimal,"
        " of one kind"
    )


def _texts(name: str, forms: str, parts: list[bytes], validity: Optional[bytes], nulls: int) -> Column:
    offsets, total = [0], 0
    for part in parts:
        total += len(part)
        offsets.append(total)
    large = total > 2**31 - 1
    return _column(name, forms[large], len(parts), validity, nulls, array("q" if large else "i", offsets), b"".join(parts))


def _decimals(name: str, values: Sequence[Any], validity: Optional[bytes], nulls: int) -> Column:
    given = [decimal.Decimal(value) for value in values if value is not None]
    if not all(value.is_finite() for value in given):
        raise ValueError(f"column {name!r}: a Decimal that is not finite")
    scale = max(max(-int(value.as_tuple().exponent) for value in given), 0)
    numbers = []
    with decimal.localcontext() as context:
        context.prec = 60
        for value in values:
            number = 0 if value is None else int(decimal.Decimal(value).scaleb(scale))
            if abs(number) >= 10**18:
                raise OverflowError(f"column {name!r}: a Decimal needs more than 18 digits at a scale of {scale}")
            numbers.append(number.to_bytes(16, "little", signed=True))
    return _column(name, f"d:18,{scale}", len(values), validity, nulls, b"".join(numbers))


# ---- NumPy ---------------------------------------------------------------------------------------------------------------------


def from_numpy(name: str, values: Any, nan_is_null: bool = False, zone: str = "") -> Column:
    """A column of a one-dimensional array. The memory of contiguous numbers is shared.

    zone: of timestamps; nan_is_null: NaN becomes null.
    """
    import numpy as np

    mask = None
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data
    if values.ndim != 1:
        raise ValueError(f"column {name!r} is an array of {values.ndim} dimensions: expected one")
    kind, n = values.dtype.kind, len(values)
    if kind in "OUST" or values.dtype.name.startswith("StringDType"):
        items = values.tolist()
        if nan_is_null:
            items = [None if type(item) is float and item != item else item for item in items]
        return from_list(name, items if mask is None else [None if m else item for m, item in zip(mask.tolist(), items)])
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if kind == "M":
        unit, step = np.datetime_data(values.dtype)
        if unit not in _UNITS or step != 1:
            values, unit = values.astype("datetime64[us]"), "us"
        nat = np.isnat(values)
        if nat.any():
            mask = nat if mask is None else mask | nat
        form = "tdD" if unit == "D" else _UNITS[unit] + zone
        values = values.view("int64")
        if unit == "D":
            days = np.where(mask, 0, values) if mask is not None else values
            if n and (days.max() > 2**31 - 1 or days.min() < -(2**31)):
                raise OverflowError(f"column {name!r}: a date out of the range of 32 bits")
            values = days.astype("int32")
    elif kind == "b":
        form, values = "b", np.packbits(values, bitorder="little")
    else:
        if kind == "f" and values.itemsize not in (2, 4, 8):
            values = values.astype("float64")
        form = _NUMPY.get(f"{kind}{values.itemsize}", "")
        if not form:
            raise TypeError(f"column {name!r} has NumPy's type {values.dtype}: expected bool, numbers, text, dates or times")
        if kind == "f" and nan_is_null:
            nan = np.isnan(values)
            if nan.any():
                mask = nan if mask is None else mask | nan
    values = np.ascontiguousarray(values)
    nulls = int(mask.sum()) if mask is not None else 0
    validity: Any = None if mask is None or not nulls else np.packbits(np.logical_not(mask), bitorder="little")
    return Column(name, form, n, nulls, [validity.ctypes.data if nulls else 0, values.ctypes.data], (values, validity))


# ---- tables --------------------------------------------------------------------------------------------------------------------


def any_column(name: str, values: Any) -> Column:
    """A column of a list, a tuple, an array of NumPy or something that becomes one."""
    if hasattr(values, "to_numpy") and hasattr(values, "dtype"):  # a Series
        return _series(name, values)
    if hasattr(values, "__array__") and not isinstance(values, (list, tuple)):
        import numpy as np

        return from_numpy(name, np.asanyarray(values))
    if isinstance(values, array) and values.typecode not in "uw":
        return from_numpy_free(name, values)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"column {name!r} is {type(values).__name__}: expected a list or an array of values")
    return from_list(name, values if isinstance(values, (list, tuple)) else list(values))


def from_numpy_free(name: str, values: array[Any]) -> Column:
    """A column of an array.array, whose memory is shared."""
    form = "g" if values.typecode == "d" else "f" if values.typecode == "f" else ""
    if not form:
        signed = values.typecode.islower()
        form = _NUMPY[f"{'i' if signed else 'u'}{values.itemsize}"]
    return _column(name, form, len(values), None, 0, values)


def _series(name: str, series: Any) -> Column:
    """A column of a pandas Series, without pyarrow: NaN, NaT and NA are null."""
    import numpy as np

    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return from_numpy(name, series.to_numpy(), nan_is_null=True)
    if getattr(dtype, "tz", None) is not None:
        naive = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return from_numpy(name, naive.to_numpy(), nan_is_null=True, zone=_zone(name, dtype.tz))
    items = series.astype(object).tolist()
    return from_list(name, [None if _missing(item) or (type(item) is float and item != item) else item for item in items])


def _zone(name: str, zone: datetime.tzinfo) -> str:
    """The name of a time zone as Arrow has it: of the database, or an offset such as +05:30."""
    known = getattr(zone, "key", None) or getattr(zone, "zone", None)  # of zoneinfo, of pytz
    if known:
        return str(known)
    offset = zone.utcoffset(None)
    if offset is None:
        raise ValueError(f"column {name!r}: the time zone {zone!r} has no name: tz_convert to one that has")
    minutes, seconds = divmod(round(offset.total_seconds()), 60)
    if seconds:
        raise ValueError(f"column {name!r}: the time zone {zone!r} is not at a whole minute")
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}" if minutes else "UTC"


def from_mapping(table: Mapping[str, Any]) -> tuple[list[Column], int]:
    """Columns by name. Raises ValueError when their lengths differ."""
    columns = [any_column(str(name), values) for name, values in table.items()]
    for column in columns:
        if column.length != columns[0].length:
            raise ValueError(
                f"column {column.name!r} has {column.length} values and {columns[0].name!r} {columns[0].length}: expected as many"
            )
    return columns, columns[0].length if columns else 0


def from_records(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Column], int]:
    """Rows as dicts; a key that a row does not have is null there. Columns stand in the order in which they first occur."""
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return [from_list(str(name), [row.get(name) for row in rows]) for name in names], len(rows)


def from_matrix(matrix: Any, names: Optional[Sequence[str]]) -> tuple[list[Column], int]:
    """An array of NumPy: structured, or of one or two dimensions, whose columns are then named x0, x1, ... unless `names` are
    given."""
    import numpy as np

    if matrix.dtype.names:
        return [from_numpy(name, matrix[name]) for name in matrix.dtype.names], len(matrix)
    if matrix.ndim == 1:
        matrix = matrix.reshape(-1, 1)
    if matrix.ndim != 2:
        raise ValueError(f"an array of {matrix.ndim} dimensions: expected one or two")
    width = matrix.shape[1]
    names = [f"x{i}" for i in range(width)] if names is None else [str(name) for name in names]
    if len(names) != width:
        raise ValueError(f"{len(names)} names for {width} columns: expected as many")
    columns = matrix if isinstance(matrix, np.ma.MaskedArray) else np.asfortranarray(matrix)
    return [from_numpy(name, columns[:, i]) for i, name in enumerate(names)], len(matrix)
