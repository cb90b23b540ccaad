"""X and y as estimators are given them - datasets, arrays, frames, tables, records, lists - brought to datasets; and results
brought back.

The rules and messages of validation are scikit-learn's, so that a program sees the same from our estimators as from theirs.
NumPy is used when the caller passes arrays or frames, or lists while it is installed; without it lists come back.
"""

from __future__ import annotations

import ctypes
import importlib
import math
import numbers
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from . import _ffi, _sklearn
from ._dataset import Dataset, _json, dataset
from ._ffi import lib

_numpy: Any = None


def numpy() -> Any:
    """NumPy, or None where it is not installed."""
    global _numpy
    if _numpy is None:
        try:
            _numpy = importlib.import_module("numpy")
        except ImportError:
            _numpy = False
    return _numpy or None


class Given(NamedTuple):
    """X: its columns as the library sees them, and what it was.

    kind is "dataset", "array", "list", "pandas", "polars", "arrow" or "records". names: of the columns; None where it has none.
    array: the numbers as a float64 matrix where X was brought to one. n_rows is None for a dataset, whose rows nobody has
        counted.
    """

    kind: str
    names: Optional[list[str]]
    n_columns: int
    n_rows: Optional[int]
    source: Any
    array: Any = None


def _of(x: Any, module: str, *names: str) -> bool:
    """Whether x is an instance of a class of this module, which need not be installed."""
    found = sys.modules.get(module)
    return found is not None and any(isinstance(x, getattr(found, name)) for name in names if hasattr(found, name))


def _is_sparse(x: Any) -> bool:
    return type(x).__module__.startswith("scipy.sparse") or (hasattr(x, "toarray") and hasattr(x, "nnz"))


def take(x: Any, who: str, min_rows: int = 1) -> Given:
    """What X is. Its values are not looked at: see :func:`settle`."""
    if isinstance(x, Dataset):
        return Given("dataset", list(x.columns), len(x.columns), None, x)
    if _is_sparse(x):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to a dense numpy array."
        )
    if _of(x, "pandas", "DataFrame"):
        return _take_pandas(x, who, min_rows)
    if _of(x, "polars", "DataFrame", "LazyFrame"):
        frame = x.collect() if _of(x, "polars", "LazyFrame") else x
        return _sized(Given("polars", list(frame.columns), frame.width, frame.height, frame), who, min_rows)
    if _of(x, "pyarrow", "Table", "RecordBatch"):
        return _sized(Given("arrow", list(x.schema.names), x.num_columns, x.num_rows, x), who, min_rows)
    if isinstance(x, dict) or (isinstance(x, (list, tuple)) and x and isinstance(x[0], dict)):
        return _take_records(x, who, min_rows)
    np = numpy()
    if np is None and isinstance(x, (list, tuple)):
        return _take_lists(x, who, min_rows)
    if np is None:
        raise TypeError(f"X is {type(x).__name__}: expected a dataset, a table, a list of rows, or with NumPy an array")
    return _take_array(x, who, min_rows)


def _sized(given: Given, who: str, min_rows: int) -> Given:
    shape = (given.n_rows, given.n_columns)
    if given.n_rows is not None and given.n_rows < min_rows:
        raise ValueError(
            f"Found array with {given.n_rows} sample(s) (shape={shape}) while a minimum of {min_rows} is required by {who}."
        )
    if given.n_columns < 1:
        raise ValueError(f"Found array with 0 feature(s) (shape={shape}) while a minimum of 1 is required by {who}.")
    return given


def check_finite(array: Any, who: str, allow_nan: Optional[bool], what: str = "X") -> None:
    """Refuses NaN (unless allow_nan) and infinity as scikit-learn does."""
    if allow_nan is None:
        return
    np = numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(float(array.sum())):
            return
    if not allow_nan and np.isnan(array).any():
        raise ValueError(f"Input {what} contains NaN, which {who} does not take: SimpleImputer before it fills missing values")
    if np.isinf(array).any():
        raise ValueError(f"Input {what} contains infinity or a value too large for {array.dtype!r}.")


def _take_array(x: Any, who: str, min_rows: int) -> Given:
    np = numpy()
    kind = "list" if isinstance(x, (list, tuple)) else "array"
    if isinstance(x, np.ma.MaskedArray):
        x = x.astype(np.float64 if x.dtype.kind in "biuf" else object).filled(np.nan if x.dtype.kind in "biuf" else None)
    try:
        a = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"X cannot become an array: {error}") from None
    if a.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{a}\n")
    if a.ndim < 2:
        found = "1D" if a.ndim else "scalar"
        raise ValueError(
            f"Expected 2D array, got {found} array instead, of shape {a.shape}. Reshape your data:"
            " array.reshape(-1, 1) makes one column of it, array.reshape(1, -1) one row"
        )
    if a.ndim > 2:
        raise ValueError(f"Found array with dim {a.ndim}. {who} expected <= 2.")
    return _sized(Given(kind, None, a.shape[1], a.shape[0], a), who, min_rows)


def _floats(a: Any, who: str, allow_nan: Optional[bool]) -> Any:
    """The numbers as float64 (float32 is widened); the same array where it is that already."""
    np = numpy()
    if a.dtype.kind not in "biufO":
        raise ValueError(f"could not convert string to float: {who} expects numbers, found an array of {a.dtype}")
    wide = a.astype(np.float64) if a.dtype != np.float64 else a
    check_finite(wide, who, allow_nan)
    return wide


def _take_pandas(x: Any, who: str, min_rows: int) -> Given:
    names = list(x.columns)
    kinds = {type(name).__name__ for name in names}
    strings = all(isinstance(name, str) for name in names)
    if not strings and "str" in kinds:
        raise TypeError(
            "Feature names are only supported if all input features have string names,"
            f" but your input has {sorted(kinds)}: make them all texts (X.columns = X.columns.astype(str)), or none"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"X has columns of the same name: {sorted({str(n) for n in names if names.count(n) > 1})}")
    return _sized(Given("pandas", [str(n) for n in names] if strings else None, len(names), len(x), x), who, min_rows)


def _take_records(x: Any, who: str, min_rows: int) -> Given:
    if isinstance(x, dict) and x and all(isinstance(v, (str, bytes)) or not hasattr(v, "__iter__") for v in x.values()):
        x = [x]  # one row
    table = dataset(x if isinstance(x, dict) else list(x))
    names = list(table.columns)
    n = len(x) if not isinstance(x, dict) else table.count()
    return _sized(Given("records", names, len(names), n, table), who, min_rows)


def _take_lists(x: Sequence[Any], who: str, min_rows: int) -> Given:
    """A list of rows, where NumPy is not installed."""
    if any(not isinstance(row, (list, tuple)) for row in x):
        raise ValueError("Expected 2D array, got 1D array instead: X is expected to be a list of rows, each a list of values")
    width = len(x[0]) if x else 0
    if any(len(row) != width for row in x):
        raise ValueError("X cannot become an array: its rows have different lengths")
    return _sized(Given("list", None, width, len(x), x), who, min_rows)


def settle(given: Given, who: str, *, numeric: bool, allow_nan: Optional[bool]) -> Given:
    """Looks at the values.

    Args:
        numeric: the estimator wants numbers, so arrays and frames of numbers become a float64 matrix.
        allow_nan: True: infinities are refused; False: NaN too; None: neither.
    """
    x = given.source
    if given.kind == "pandas":
        plain = all(getattr(dtype, "kind", "O") in "biuf" and type(dtype).__module__.startswith("numpy") for dtype in x.dtypes)
        return given._replace(array=_floats(x.to_numpy(), who, allow_nan)) if numeric and plain else given
    if given.kind not in ("array", "list"):
        return given
    if numpy() is not None:
        if numeric:
            return given._replace(array=_floats(x, who, allow_nan))
        if x.dtype.kind == "f":
            check_finite(x, who, allow_nan)
        return given
    for value in (value for row in x for value in row):
        if numeric and value is not None and not isinstance(value, numbers.Real):
            raise ValueError(f"could not convert string to float: {value!r}")
        if (
            allow_nan is not None
            and isinstance(value, float)
            and not math.isfinite(value)
            and not (allow_nan and math.isnan(value))
        ):
            raise ValueError(f"Input X contains {'NaN' if math.isnan(value) else 'infinity'}.")
    return given


# ---- names of columns ----------------------------------------------------------------------------------------------------------


def check_names(who: str, given: Given, n_features: int, fitted: Optional[Sequence[str]]) -> None:
    """Holds X of a later call against that of the fit, as scikit-learn does. fitted: the names of the fit, or None."""
    if given.kind in ("dataset", "records"):
        return  # columns are found by name; what is missing, the library reports
    if fitted is not None and given.names is None and given.kind != "list":
        warnings.warn(f"X does not have valid feature names, but {who} was fitted with feature names", stacklevel=4)
    elif fitted is None and given.names is not None:
        warnings.warn(f"X has feature names, but {who} was fitted without feature names", stacklevel=4)
    if fitted is not None and given.names is not None and list(fitted) != given.names:
        raise ValueError(_names_message(list(fitted), given.names))
    if given.n_columns != n_features:
        raise ValueError(f"X has {given.n_columns} features, but {who} is expecting {n_features} features as input")


def _names_message(fitted: list[str], names: list[str]) -> str:
    unseen, missing = sorted(set(names) - set(fitted)), sorted(set(fitted) - set(names))
    message = "The feature names should match those that were passed during fit.\n"

    def listed(some: list[str]) -> str:
        return "".join(f"- {name}\n" for name in some[:5]) + ("- ...\n" if len(some) > 5 else "")

    if unseen:
        message += "Feature names unseen at fit time:\n" + listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message


def generated(n: int) -> list[str]:
    """Names for columns that have none, as scikit-learn makes them up."""
    return [f"x{i}" for i in range(n)]


# ---- to datasets ---------------------------------------------------------------------------------------------------------------


def _cells(values: Any) -> Any:
    """An object or text column of an array: numbers as float64, else texts, with None and NaN missing."""
    np = numpy()
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind in "US":
        return [str(v) for v in values.tolist()]
    items = [None if v is None or (isinstance(v, float) and math.isnan(v)) else v for v in values.tolist()]
    some = next((v for v in items if v is not None), None)
    if some is None:
        return np.full(len(items), np.nan)
    if isinstance(some, str):
        wrong = next((v for v in items if v is not None and not isinstance(v, str)), None)
        if wrong is not None:
            raise TypeError(f"a column holds str and {type(wrong).__name__}: expected uniformly strings or numbers")
        return items
    if all(v is None or isinstance(v, (bool, np.bool_)) for v in items):
        return items
    for v in items:
        if v is not None and not isinstance(v, (numbers.Real, np.number, np.bool_)):
            raise TypeError(f"argument must be a string or a real number, not {type(v).__name__!r}")
    if all(v is None or isinstance(v, (numbers.Integral, np.integer)) for v in items):
        return items
    return np.array([np.nan if v is None else v for v in items], dtype=np.float64)


def to_dataset(given: Given, names: Sequence[str], extra: Optional[tuple[str, Any]] = None) -> Dataset:
    """The columns of X under these names, and behind them one more (the target: name and values)."""
    np = numpy() if given.kind != "dataset" else None
    more = {extra[0]: extra[1]} if extra else {}
    if given.kind in ("dataset", "records"):
        if extra and given.kind == "dataset":
            raise ValueError("with a dataset, y is the name of its target column")
        if extra:
            columns = given.source.to_dict() if hasattr(given.source, "to_dict") else {}
            return dataset({**columns, **more})
        return given.source
    if given.array is not None:
        wide = np.asfortranarray(given.array)
        return dataset({**{name: wide[:, i] for i, name in enumerate(names)}, **more})
    if given.kind == "array" or (given.kind == "list" and np is not None):
        a = given.source
        if a.dtype.kind == "f" and a.dtype.itemsize not in (4, 8):
            a = a.astype(np.float64)
        return dataset({**{name: _cells(a[:, i]) for i, name in enumerate(names)}, **more})
    if given.kind == "list":
        return dataset({**{name: [row[i] for row in given.source] for i, name in enumerate(names)}, **more})
    if given.kind == "pandas":
        frame = given.source.set_axis(list(names), axis=1)
        return dataset(frame.assign(**more).reset_index(drop=True) if extra else frame)
    if given.kind == "polars":
        import polars

        frame = given.source.rename(dict(zip(given.source.columns, names)))
        return dataset(frame.with_columns(polars.Series(extra[0], list(extra[1]))) if extra else frame)
    import pyarrow

    table = given.source if isinstance(given.source, pyarrow.Table) else pyarrow.Table.from_batches([given.source])
    table = table.rename_columns(list(names))
    return dataset(table.append_column(extra[0], pyarrow.array(list(extra[1]))) if extra else table)


# ---- y -------------------------------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """y of a classifier: its name, values that the library takes, and its sorted classes (an array with NumPy, else a list)."""

    name: str
    values: Any
    classes: Any


def take_classes(y: Any, given: Given, who: str, names: Sequence[str]) -> Target:
    """y as class labels."""
    if y is None:
        raise ValueError(f"{who} requires y to be passed, but the target y is None")
    name = _target_name(y, names)
    np = numpy()
    if np is None:
        values = list(y)
        _same_length(len(values), given)
        return Target(name, values, sorted(set(values)))
    if _is_sparse(y):
        raise TypeError(
            "Sparse data was passed for y, but dense data is required. Use '.toarray()' to convert to a dense numpy array."
        )
    a = np.asarray(y)
    if a.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{a}\n")
    if a.ndim == 2 and a.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected: y.ravel() makes one of it",
            _sklearn.warning("DataConversionWarning"),
            stacklevel=4,
        )
        a = a.ravel()
    if a.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {a.shape} instead.")
    _same_length(len(a), given)
    if a.dtype.kind == "f":
        check_finite(a, who, False, "y")
        if (a != np.floor(a)).any():
            raise ValueError(f"Unknown label type: continuous. {who} expects classes, not a regression target's values")
    if a.dtype.kind == "O" and any(v is None or (isinstance(v, float) and math.isnan(v)) for v in a):
        raise ValueError("Input y contains NaN.")
    classes = np.unique(a)
    if len(classes) > 2:
        raise ValueError(
            "Only binary classification is supported. The type of the target is multiclass:"
            f" {who} expects two classes, found {len(classes)}"
        )
    return Target(name, _labels(a, classes), classes)


def _labels(a: Any, classes: Any) -> Any:
    """Labels in a type of the library's: bool, int64, float64 or texts."""
    np = numpy()
    if a.dtype.kind == "b":
        return a
    if a.dtype.kind in "iu":
        return a.astype(np.int64)
    if a.dtype.kind == "f":
        return a.astype(np.float64)
    some = classes.tolist()
    if all(isinstance(v, str) for v in some):
        return [str(v) for v in a]
    if all(isinstance(v, bool) for v in some):
        return a.astype(bool)
    if all(isinstance(v, numbers.Integral) for v in some):
        return a.astype(np.int64)
    raise ValueError(
        f"Unknown label type: {a.dtype}: expected bool, integers, whole floats or texts, found {type(some[0]).__name__}"
    )


def _same_length(n: int, given: Given) -> None:
    if given.n_rows is not None and n != given.n_rows:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: [{given.n_rows}, {n}]")


def _target_name(y: Any, names: Sequence[str]) -> str:
    name = getattr(y, "name", None)
    if isinstance(name, str) and name and name not in names:
        return name
    name = "y"
    while name in names:
        name += "_"
    return name


# ---- back out ------------------------------------------------------------------------------------------------------------------


def through(table: Dataset, stage: str, params: dict[str, Any]) -> Dataset:
    """The table through a stage of the catalogue that needs no fit; lazy."""
    handle, out = _ffi.StageHandle(), _ffi.DatasetHandle()
    context = table._context
    _ffi.call(lib.aip_stage_create, context._handle, stage.encode(), _json(params), None, 0, ctypes.byref(handle))
    _ffi.call(lib.aip_dataset_transform, table._handle, handle, ctypes.byref(out))
    return Dataset(out, context, near=table._near)


def only(table: Dataset, names: Sequence[str]) -> Dataset:
    """These columns of a dataset; lazy."""
    return through(table, "select", {"columns": list(names)})


def column(table: Dataset, name: str) -> Any:
    """One column as an array, or a list without NumPy."""
    values = only(table, [name])
    np = numpy()
    if np is None:
        return values.to_dict()[name]
    return matrix(values)[:, 0]


def matrix(table: Dataset) -> Any:
    """The table as a 2-dimensional array: float64 of numbers, else of objects; without NumPy a list of rows."""
    np = numpy()
    if np is None:
        columns = table.to_dict()
        return [list(row) for row in zip(*columns.values())]
    return table.to_numpy()


def both(probability: Any) -> Any:
    """Probabilities of the second class as those of both."""
    np = numpy()
    if np is None:
        return [[1.0 - p, p] for p in probability]
    out = np.empty((len(probability), 2))
    np.subtract(1.0, probability, out=out[:, 0])
    out[:, 1] = probability
    return out


def back(given: Given, table: Dataset, output: str = "default", dtype: Any = None) -> Any:
    """A transformed table in the kind that goes with what was given. output: "default", "pandas" or "polars" (see set_output)."""
    if given.kind == "dataset":
        return table
    if output == "pandas":
        frame = table.to_pandas()
        return frame.set_axis(given.source.index, axis=0) if given.kind == "pandas" else frame
    if output == "polars":
        return table.to_polars()
    if given.kind == "arrow":
        return table.to_arrow()
    made = matrix(table)
    return made.astype(dtype) if dtype is not None and made.dtype != dtype else made
