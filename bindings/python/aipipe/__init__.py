"""Whole AI data pipelines inside the process that uses them: read, transform, train, predict.

Thin over the C library: names, parameters and results are the library's own. No other package is needed.
"""

from __future__ import annotations

from ._batch import Batch, Field, Schema
from ._catalog import (
    Cast,
    Derive,
    Drop,
    DropMissing,
    Filter,
    Join,
    LogisticRegression,
    OneHotEncoder,
    Rename,
    Select,
    SimpleImputer,
    StandardScaler,
)
from ._context import Context, Progress, configure, default_context
from ._dag import Dag, Task
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
from ._estimator import model, stage
from ._expression import Expression, col, expr, function, lit, when
from ._ffi import VERSION as __version__
from ._inspect import Profile, inspect
from ._package import Package, Report, load
from ._pipeline import Pipeline
from ._read import read, read_arrow, read_csv, read_json, read_ndjson
from ._run import Run, TaskEvent, TaskRun
from ._scorer import Scorer
from ._sklearn import NotFittedError
from ._split import train_test_split

__all__ = [
    "AgainError",
    "Batch",
    "Cancelled",
    "Cast",
    "ChangedError",
    "Context",
    "CorruptError",
    "Dag",
    "DataError",
    "Dataset",
    "Derive",
    "Drop",
    "DropMissing",
    "Error",
    "Expression",
    "Field",
    "Filter",
    "ForkedError",
    "HostError",
    "IOError_",
    "InternalError",
    "Join",
    "LogisticRegression",
    "MemoryLimitError",
    "MisuseError",
    "NotFittedError",
    "NotFoundError",
    "NumericError",
    "OneHotEncoder",
    "OutOfMemoryError",
    "Package",
    "ParamError",
    "ParseError",
    "Pipeline",
    "Profile",
    "Progress",
    "Rename",
    "Report",
    "RowCounts",
    "Run",
    "Schema",
    "SchemaError",
    "Scorer",
    "Select",
    "SimpleImputer",
    "StandardScaler",
    "StateError",
    "Task",
    "TaskError",
    "TaskEvent",
    "TaskRun",
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
    "inspect",
    "lit",
    "load",
    "model",
    "read",
    "read_arrow",
    "read_csv",
    "read_json",
    "read_ndjson",
    "stage",
    "train_test_split",
    "when",
]
