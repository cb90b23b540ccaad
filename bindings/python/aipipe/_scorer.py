"""Scorers: the quickest way to predict one row, or a large matrix.

A call for one row packs the values into a struct that the library's scorer is bound to, and makes one call with arguments that
were converted beforehand. Texts lie in the struct too, behind pointers that never change.
"""

from __future__ import annotations

import ctypes
import datetime
import math
import struct
from collections.abc import Sequence
from typing import Any, Callable, Optional

from . import _ffi, _input
from . import _prototypes as api
from ._ffi import held, lib

TEXT_ROOM = 64  # bytes of a text at first, its end included

_EPOCH = datetime.date(1970, 1, 1).toordinal()


def _day(value: Any) -> int:
    return value.toordinal() - _EPOCH if isinstance(value, datetime.date) else int(value)


def _microseconds(value: Any) -> int:
    if not isinstance(value, datetime.datetime):
        return int(value)
    zone = value.tzinfo
    since = value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc if zone else None)
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


class _Input:
    """How an input lies in the struct. Numbers go as float64: NaN is missing, and a whole float stands for an integer."""

    def __init__(self, name: str, dtype: str) -> None:
        self.name, self.dtype = name, dtype
        self.text = dtype in ("utf8", "dictionary")
        self.kind, self.code = {
            "bool": (api.AIP_BOOL, "?"),
            "date32": (api.AIP_DATE32, "i"),
            "timestamp": (api.AIP_TIMESTAMP, "q"),
        }.get(dtype, (api.AIP_UTF8 if self.text else api.AIP_FLOAT64, "d"))
        self.room = TEXT_ROOM

    def value(self, value: Any) -> Any:
        """What is packed, from what the caller gave; None: a missing text."""
        if self.text:
            if value is None or isinstance(value, str):
                return value
            raise TypeError(f"input {self.name!r} is {value!r}: expected a text or None")
        try:
            if self.dtype == "date32":
                return _day(value)
            if self.dtype == "timestamp":
                return _microseconds(value)
            if self.dtype == "bool":
                if value is None:
                    raise TypeError("None")
                return bool(value)
            return math.nan if value is None else float(value)
        except (TypeError, ValueError):
            raise TypeError(f"input {self.name!r} is {value!r}: expected {self.dtype}") from None


class Scorer:
    """Predicts rows with a package, as fast as it goes: ``scorer(x1, x2, ...)``, the inputs in the package's order.

    ``scorer(row)`` takes a list, tuple, dict or array too. None (and NaN) is missing. The result is a float: the probability of
    the second class, or with ``output="prediction"`` the predicted class, which must be a number then. :meth:`run` takes a
    whole matrix. A scorer is used by one thread at a time; make one for each.

    Args:
        package: a :class:`Package`, or what has one (a fitted :class:`Pipeline` or model).
        output: "probability" or "prediction".
    """

    # A slot, so that a call of the scorer is a call of the function that is in it, with no Python frame between.
    __slots__ = (
        "__call__",
        "__weakref__",
        "_arguments",
        "_buffer",
        "_built",
        "_inputs",
        "_matrix",
        "_output",
        "_pack",
        "_package",
        "_pointers",
        "_result",
        "_scorer",
    )
    __call__: Callable[..., float]

    def __init__(self, package: Any, output: str = "probability") -> None:
        self._package = package if hasattr(package, "_handle") else package.to_package()
        self._output = output
        self._inputs = [_Input(field.name, field.type) for field in self._package.inputs]
        self._matrix: Optional[tuple[Any, Any]] = None
        # Handles that functions in `__call__` were made for: the program may have kept such a function.
        self._built: list[Any] = []
        self._build()

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the order in which values are given."""
        return [one.name for one in self._inputs]

    def __reduce__(self) -> Any:
        return Scorer, (self._package, self._output)

    def __repr__(self) -> str:
        return f"<aipipe.Scorer: {self._output} from {', '.join(self.inputs)}>"

    # ---- one row

    def _create(self) -> Any:
        out = _ffi.ScorerHandle()
        params = b'{"output": "' + self._output.encode() + b'"}'
        _ffi.call(lib.aip_scorer_create, self._package._handle, params, ctypes.byref(out))
        return out

    def _build(self) -> None:
        """Lays the struct out, binds a scorer to it, and makes the function that a call is."""
        self._scorer = self._create()
        self._built.append(self._scorer)
        pack = struct.Struct("=" + "".join(f"{one.room}s" if one.text else one.code for one in self._inputs))
        texts = [i for i, one in enumerate(self._inputs) if one.text]
        start = 8 * len(texts)  # pointers to the texts come first
        buffer = (ctypes.c_char * (start + pack.size))()
        address = ctypes.addressof(buffer)
        at, pointers = start, []
        for one in self._inputs:
            offset = at
            if one.text:
                offset = 8 * len(pointers)
                pointers.append(address + at)
            _ffi.call(lib.aip_scorer_bind, self._scorer, one.name.encode(), one.kind, offset)
            at += one.room if one.text else struct.calcsize("=" + one.code)
        struct.pack_into(f"={len(pointers)}Q", buffer, 0, *pointers)
        self._buffer, self._pack, self._pointers = buffer, pack, pointers
        self._result = (ctypes.c_double * 1)()
        run = _quick(held.aip_scorer_run)
        pointer = ctypes.c_void_p.from_param
        self._arguments = (
            pointer(self._scorer.value),
            pointer(address),
            ctypes.c_size_t.from_param(start + pack.size),
            ctypes.c_int64.from_param(1),
            pointer(ctypes.addressof(self._result)),
            pointer(0),
        )
        self.__call__ = self._closure(run, start, texts)  # type: ignore[method-assign]

    def _closure(self, run: Any, start: int, texts: Sequence[int]) -> Callable[..., float]:
        pack_into, buffer, result = self._pack.pack_into, self._buffer, self._result
        scorer, rows, stride, n, out, none = self._arguments
        error, slow = struct.error, self._slow

        if not texts:

            def numbers(*values: Any) -> float:
                try:
                    pack_into(buffer, start, *values)
                except (error, TypeError):
                    return slow(values)
                if run(scorer, rows, stride, n, out, none):
                    return slow(values)
                return result[0]

            return numbers

        rooms = [(i, self._inputs[i].room) for i in texts]

        def mixed(*values: Any) -> float:
            try:
                ready = list(values)
                for i, room in rooms:
                    ready[i] = text = values[i].encode()
                    if len(text) >= room or b"\0" in text:
                        return slow(values)
                pack_into(buffer, start, *ready)
            except (error, TypeError, AttributeError, IndexError):
                return slow(values)
            if run(scorer, rows, stride, n, out, none):
                return slow(values)
            return result[0]

        return mixed

    def _row(self, values: Sequence[Any]) -> list[Any]:
        """The values of a row, however they were given, in the order of the inputs."""
        if len(values) == 1 and (
            len(self._inputs) != 1 or isinstance(values[0], (list, tuple, dict)) or hasattr(values[0], "__len__")
        ):
            row = values[0]
            if isinstance(row, dict):
                missing = [name for name in self.inputs if name not in row]
                if missing:
                    raise TypeError(f"the row has no {missing[0]!r}: the inputs are {', '.join(self.inputs)}")
                return [row[name] for name in self.inputs]
            if not isinstance(row, str) and hasattr(row, "__iter__"):
                values = list(row)
        if len(values) != len(self._inputs):
            raise TypeError(f"expected {len(self._inputs)} values ({', '.join(self.inputs)}), found {len(values)}")
        return list(values)

    def _slow(self, values: Sequence[Any]) -> float:
        """A call whose values are not as the struct has them; or that fails, and says why."""
        ready = [one.value(value) for one, value in zip(self._inputs, self._row(values))]
        longest = 0
        for i, one in enumerate(self._inputs):
            if one.text and ready[i] is not None:
                ready[i] = ready[i].encode()
                if b"\0" in ready[i]:
                    raise ValueError(f"input {one.name!r} holds a NUL character")
                if len(ready[i]) >= one.room:
                    one.room = 1 << (len(ready[i])).bit_length()
                    longest = one.room
        if longest:
            self._build()
        missing = [i for i, one in enumerate(one for one in self._inputs if one.text)]
        texts = [value for one, value in zip(self._inputs, ready) if one.text]
        start = 8 * len(self._pointers)
        self._pack.pack_into(self._buffer, start, *(b"" if value is None else value for value in ready))
        shown = [0 if texts[i] is None else self._pointers[i] for i in missing]
        struct.pack_into(f"={len(shown)}Q", self._buffer, 0, *shown)
        try:
            size = start + self._pack.size
            _ffi.call(lib.aip_scorer_run, self._scorer, ctypes.addressof(self._buffer), size, 1, self._result)
        finally:
            struct.pack_into(f"={len(self._pointers)}Q", self._buffer, 0, *self._pointers)
        return self._result[0]

    # ---- many rows

    def run(self, X: Any, out: Any = None) -> Any:
        """Predicts a matrix (n_rows, n_inputs), float64 or float32, in one call, where it lies: rows and columns may have any
        strides.

        Args:
            X: an array; its columns are the inputs in order; NaN is missing.
            out: an array of n_rows float64 to write to; None: a new one.
        Returns:
            out.
        """
        np = _input.numpy()
        if np is None:
            raise ImportError("Scorer.run needs NumPy")
        a = np.asarray(X)
        if a.ndim != 2 or a.shape[1] != len(self._inputs):
            raise ValueError(f"expected an array (n_rows, {len(self._inputs)}), found shape {a.shape}")
        if (
            a.dtype not in (np.float64, np.float32)
            or not a.dtype.isnative
            or min(a.strides, default=0) < 0
            or a.strides[1] % a.itemsize
        ):
            a = np.ascontiguousarray(a, dtype=np.float64)
        if out is None:
            out = np.empty(len(a))
        if out.dtype != np.float64 or out.shape != (len(a),) or not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError(f"out: expected a contiguous array of {len(a)} float64, found {out.dtype} of shape {out.shape}")
        key = (a.dtype.char, a.strides[1])
        if self._matrix is None or self._matrix[0] != key:
            scorer = self._create()
            kind = api.AIP_FLOAT64 if a.dtype == np.float64 else api.AIP_FLOAT32
            for i, one in enumerate(self._inputs):
                _ffi.call(lib.aip_scorer_bind, scorer, one.name.encode(), kind, i * a.strides[1])
            self._matrix = (key, scorer)
        to = out.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        _ffi.call(lib.aip_scorer_run, self._matrix[1], a.ctypes.data, a.strides[0], len(a), to)
        return out


def _quick(function: Any) -> Any:
    """The function without prototypes: it takes arguments that were converted beforehand."""
    return ctypes.PYFUNCTYPE(ctypes.c_int32)(ctypes.cast(function, ctypes.c_void_p).value)


def matrix_scores(package: Any, array: Any) -> Any:
    """The probabilities for the rows of a float64 matrix whose columns are the package's inputs in order."""
    return Scorer(package).run(array)
