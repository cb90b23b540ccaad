"""Exceptions: what the library reports, as Python's own kinds of exception, with the place where it applies."""

from __future__ import annotations

from typing import Any, Optional


class Error(Exception):
    """Any failure that the library reports. `str()` gives place and message in one line.

    Attributes, None where they do not apply or are not known:
        status: the library's status, negative; what a host's callback returned is positive.
        status_name: its name, such as ``"E_PARAM"``.
        message: what was expected and what was found, without the place.
        source: file or URI.
        line, column: in the source, from 1; column counts bytes.
        offset: byte offset in the source, from 0.
        task, stage, parameter: names of the task, the stage and the parameter.
        data_column: name of the column of the data.
    """

    status: int = 0
    status_name: str = ""
    message: str = ""
    source: Optional[str] = None
    line: Optional[int] = None
    column: Optional[int] = None
    offset: Optional[int] = None
    task: Optional[str] = None
    stage: Optional[str] = None
    parameter: Optional[str] = None
    data_column: Optional[str] = None


class OutOfMemoryError(Error, MemoryError):
    """The allocator refused memory."""


class MemoryLimitError(Error, MemoryError):
    """The context's ``memory_limit`` would be passed."""


class MisuseError(Error, ValueError):
    """The rules of the interface were broken, such as by handles of two contexts in one call."""


class StateError(Error, RuntimeError):
    """Not possible in this state: not fitted, a dataset that can be read once read again, a closed context."""


class ParamError(Error, ValueError):
    """A parameter is unknown, missing, of the wrong type or out of range."""


class ParseError(Error, ValueError):
    """A document, an expression or a format does not parse."""


class SchemaError(Error, ValueError):
    """A column is missing, or has a type that does not fit."""


class DataError(Error, ValueError):
    """A value in the data breaks a rule: a bad cell, a ragged row, one class only, a duplicate key."""


class IOError_(Error, OSError):
    """The operating system refused a file operation."""


class NotFoundError(Error, FileNotFoundError):
    """A file, or a thing with a name, does not exist."""


class CorruptError(Error, ValueError):
    """Checksum or structure of a binary file is wrong."""


class Cancelled(Error):
    """Cancelled, or the context was closed."""


class Timeout(Error, TimeoutError):
    """A deadline passed."""


class AgainError(Error):
    """An executor refuses a job now."""


class UnsupportedError(Error, NotImplementedError):
    """Valid, but not done by this version or build."""


class NumericError(Error, ArithmeticError):
    """A computation met NaN, infinity or a singular system, or did not converge."""


class ChangedError(Error):
    """A source changed between two passes over it."""


class TaskError(Error):
    """A task of a DAG failed; ``task`` names it."""


class ForkedError(Error, RuntimeError):
    """Not possible in a forked child."""


class InternalError(Error, RuntimeError):
    """A defect of the library."""


class HostError(Error):
    """A callback of the host that is not of this package returned a positive status."""


_BY_STATUS: dict[int, type[Error]] = {
    -1: OutOfMemoryError,
    -2: MemoryLimitError,
    -3: MisuseError,
    -4: StateError,
    -5: ParamError,
    -6: ParseError,
    -7: SchemaError,
    -8: DataError,
    -9: IOError_,
    -10: NotFoundError,
    -11: CorruptError,
    -12: Cancelled,
    -13: Timeout,
    -14: AgainError,
    -15: UnsupportedError,
    -16: NumericError,
    -17: ChangedError,
    -18: TaskError,
    -19: ForkedError,
    -20: InternalError,
}


def make_error(status: int, status_name: str, message: str, text: str, **place: Any) -> Error:
    """The exception for a status. text: place and message in one line; place: the attributes of :class:`Error`."""
    kind = HostError if status > 0 else _BY_STATUS.get(status, Error)
    error = kind(text or message or status_name)
    error.status, error.status_name, error.message = status, status_name, message
    for name, value in place.items():
        setattr(error, name, value)
    return error
