"""Whole AI data pipelines inside the process that uses them: read, transform, train, predict.

Thin over the C library: names, parameters and results are the library's own. No other package is needed.
"""

from __future__ import annotations

from ._batch import Batch, Field, Schema
from ._context import Context, Progress, configure, default_context
from ._dataset import Dataset, RowCounts, dataset, from_batches
from ._errors import (
    AgainError,
    Cancelled,
    ChangedError,
    CorruptError,
    DataError,
    Error,
    ForkedError,
    HostError,
    InternalError,
    IOError_,
    MemoryLimitError,
    MisuseError,
    NotFoundError,
    NumericError,
    OutOfMemoryError,
    ParamError,
    ParseError,
    SchemaError,
    StateError,
    TaskError,
    Timeout,
    UnsupportedError,
)
from ._expression import Expression, col, expr, function, lit, when
from ._ffi import VERSION as __version__
from ._read import read, read_csv
from ._split import train_test_split

__all__ = [
    "AgainError",
    "Batch",
    "Cancelled",
    "ChangedError",
    "Context",
    "CorruptError",
    "DataError",
    "Dataset",
    "Error",
    "Expression",
    "Field",
    "ForkedError",
    "HostError",
    "IOError_",
    "InternalError",
    "MemoryLimitError",
    "MisuseError",
    "NotFoundError",
    "NumericError",
    "OutOfMemoryError",
    "ParamError",
    "ParseError",
    "Progress",
    "RowCounts",
    "Schema",
    "SchemaError",
    "StateError",
    "TaskError",
    "Timeout",
    "UnsupportedError",
    "__version__",
    "col",
    "configure",
    "dataset",
    "default_context",
    "expr",
    "from_batches",
    "function",
    "lit",
    "read",
    "read_csv",
    "train_test_split",
    "when",
]
