"""Packages: a fitted pipeline, a model, the schema it reads, metrics and provenance in one file; and reports of evaluations."""

from __future__ import annotations

import ctypes
import html
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional, Union

from . import _ffi, _input
from ._batch import Schema
from ._context import Context, default_context
from ._dataset import Dataset
from ._ffi import lib

DEFAULT_METRICS = ("accuracy", "log_loss", "roc_auc", "precision", "recall", "f1", "confusion_matrix")


class Report(Mapping[str, Any]):
    """Metrics by name, as an evaluation gave them: ``report["roc_auc"]``. ``confusion_matrix`` is [[tn, fp], [fn, tp]]."""

    def __init__(self, metrics: Mapping[str, Any], confusion_matrix: Any = None) -> None:
        self._metrics = {name: float(v) if isinstance(v, int) else v for name, v in metrics.items()}
        self._confusion_matrix = metrics.get("confusion_matrix", confusion_matrix)

    @classmethod
    def _of(cls, found: dict[str, Any], metrics: Union[str, Sequence[str], None]) -> Report:
        """From what the library computed: the metrics that were asked for, and the confusion matrix beside them."""
        matrix = found.get("confusion_matrix")
        if metrics is not None and "confusion_matrix" not in ([metrics] if isinstance(metrics, str) else metrics):
            found.pop("confusion_matrix", None)
        return cls(found, matrix)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._metrics[name]
        except KeyError:
            raise KeyError(f"no metric {name!r}: there are {', '.join(self._metrics)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    @property
    def confusion_matrix(self) -> Any:
        """[[true negatives, false positives], [false negatives, true positives]]; an array where NumPy is installed. An
        evaluation has it whatever metrics it was asked for."""
        if self._confusion_matrix is None:
            raise AttributeError(f"no confusion matrix: there are {', '.join(self._metrics) or 'no metrics'}")
        np = _input.numpy()
        return np.array(self._confusion_matrix) if np else self._confusion_matrix

    def to_dict(self) -> dict[str, Any]:
        """The metrics as a dict of numbers and lists."""
        return dict(self._metrics)

    def _lines(self) -> list[tuple[str, str]]:
        return [(name, f"{value:.6g}" if isinstance(value, float) else str(value)) for name, value in self._metrics.items()]

    def __repr__(self) -> str:
        width = max((len(name) for name in self._metrics), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self._lines())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in self._lines()
        )
        return f"<table>{rows}</table>"

    def __reduce__(self) -> Any:
        return Report, (self._metrics, self._confusion_matrix)


def metrics_json(metrics: Union[str, Sequence[str], None]) -> Optional[bytes]:
    """Names of metrics as the library takes them; with the confusion matrix, which costs nothing more."""
    if metrics is None:
        return None
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    return json.dumps(names if "confusion_matrix" in names else [*names, "confusion_matrix"]).encode()


class Package:
    """A fitted pipeline, or a fitted model, or both, with the schema of what it reads. Data only, never code; immutable.

    It comes from :meth:`aipipe.Pipeline.save` and :func:`aipipe.load`, is pickled and copied as the bytes of its file, and
    predicts datasets, frames, tables, records and arrays: one answer for each row, in order. It asks only for the columns that
    it reads.
    """

    def __init__(self, handle: Any, context: Context) -> None:
        self._handle = handle
        self._context = context
        self._described: Optional[dict[str, Any]] = None

    # ---- bytes and files

    @classmethod
    def load(cls, path: Union[str, os.PathLike[str]], *, context: Optional[Context] = None) -> Package:
        """Reads a package's file.

        Raises:
            NotFoundError, IOError_, CorruptError, UnsupportedError (a later version made it).
        """
        context = context or default_context()
        out = _ffi.PackageHandle()
        _ffi.call(lib.aip_package_load, context._handle, _ffi.path(path), ctypes.byref(out))
        return cls(out, context)

    @classmethod
    def from_bytes(cls, data: bytes, *, context: Optional[Context] = None) -> Package:
        """The package that :meth:`to_bytes` made the bytes of."""
        context = context or default_context()
        out = _ffi.PackageHandle()
        _ffi.call(lib.aip_package_from_bytes, context._handle, data, len(data), ctypes.byref(out))
        return cls(out, context)

    def to_bytes(self) -> bytes:
        """What :meth:`save` would write. The same fit gives the same bytes."""
        text, n = ctypes.c_char_p(), ctypes.c_size_t()
        _ffi.call(lib.aip_package_to_bytes, self._handle, ctypes.byref(text), ctypes.byref(n))
        return _ffi.text_of(self._context._handle, text, n.value)

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the file, whole or not at all: the old one or the new one, also after a crash."""
        _ffi.call(lib.aip_package_save, self._handle, _ffi.path(path))

    def __reduce__(self) -> Any:
        return _from_bytes, (self.to_bytes(),)

    def __copy__(self) -> Package:
        return self  # immutable

    # ---- what is in it

    @property
    def context(self) -> Context:
        """The context that it was made from."""
        return self._context

    def describe(self) -> dict[str, Any]:
        """Inputs, target, pipeline, model, metrics and provenance, as a dict."""
        return json.loads(json.dumps(self._description()))

    def _description(self) -> dict[str, Any]:
        if self._described is None:
            out = ctypes.c_char_p()
            _ffi.call(lib.aip_package_describe, self._handle, ctypes.byref(out))
            self._described = json.loads(_ffi.text_of(self._context._handle, out))
        return self._described

    @property
    def inputs(self) -> Schema:
        """The columns that it reads."""
        return Schema._of(lib.aip_package_inputs(self._handle))

    @property
    def target(self) -> Optional[str]:
        """The column that the model was fitted to predict; None without a model."""
        return self._description()["target"]

    @property
    def metrics(self) -> Report:
        """The metrics that were put in (see :meth:`with_metrics`); empty when there are none."""
        return Report(self._description().get("metrics") or {})

    @property
    def classes(self) -> list[Any]:
        """The model's classes, ascending."""
        model = self._model_description()
        return model["classes"] if model else []

    def _model_description(self) -> Optional[dict[str, Any]]:
        out = _ffi.ModelHandle()
        _ffi.call(lib.aip_package_model, self._handle, ctypes.byref(out))
        if not out.value:
            return None
        text = ctypes.c_char_p()
        _ffi.call(lib.aip_model_describe, out, ctypes.byref(text))
        return json.loads(_ffi.text_of(self._context._handle, text))

    def _pipeline_handle(self) -> Any:
        out = _ffi.StageHandle()
        _ffi.call(lib.aip_package_pipeline, self._handle, ctypes.byref(out))
        return out

    def with_metrics(self, metrics: Mapping[str, Any]) -> Package:
        """A copy that has these metrics in it."""
        out = _ffi.PackageHandle()
        _ffi.call(lib.aip_package_with_metrics, self._handle, json.dumps(dict(metrics)).encode(), ctypes.byref(out))
        return Package(out, self._context)

    def __repr__(self) -> str:
        found = self._description()
        steps = [*(found.get("pipeline") or []), *([found["model"]] if found.get("model") else [])]
        names = [step if isinstance(step, str) else next(iter(step)) for step in steps]
        return f"<aipipe.Package: {' > '.join(names)}; reads {', '.join(self.inputs.names)}>"

    # ---- use

    def _with(self, context: Context) -> Package:
        """This package in the context of what it is used on."""
        return self if context is self._context else Package.from_bytes(self.to_bytes(), context=context)

    def _through(self, function: Any, table: Dataset) -> Dataset:
        out = _ffi.DatasetHandle()
        _ffi.call(function, self._handle, table._handle, ctypes.byref(out))
        return Dataset(out, table._context, near=table._near)

    def _predicted(self, table: Dataset) -> Dataset:
        return self._with(table._context)._through(lib.aip_package_predict, table)

    def _transformed(self, table: Dataset) -> Dataset:
        return self._with(table._context)._through(lib.aip_package_transform, table)

    def _take(self, x: Any) -> tuple[Any, Dataset]:
        """X as a dataset whose columns have the inputs' names; an array's columns are the inputs in order."""
        given = _input.take(x, "Package")
        names = given.names
        if names is None:
            names = self.inputs.names
            if len(names) != given.n_columns:
                raise ValueError(f"X has {given.n_columns} features, but Package is expecting {len(names)} features as input")
        return given, _input.to_dataset(given, names)

    def predict(self, X: Any) -> Any:
        """The predicted class of each row, in order: an array, or a list without NumPy. Of a Dataset: a lazy Dataset, the rows
        with the columns ``prediction`` and ``probability`` added.

        Args:
            X: Dataset, DataFrame, Arrow table, dict of columns, list of dicts, or an array whose columns are the inputs in order.
        """
        given, table = self._take(x=X)
        predicted = self._predicted(table)
        return predicted if given.kind == "dataset" else _input.column(predicted, "prediction")

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class for each row: an array (n_rows, 2), or a list of lists without NumPy. Of a Dataset: a
        lazy Dataset of one column, ``probability`` of the second class."""
        given, table = self._take(x=X)
        predicted = self._predicted(table)
        if given.kind == "dataset":
            return _input.only(predicted, ["probability"])
        return _input.both(_input.column(predicted, "probability"))

    def transform(self, X: Any) -> Any:
        """What the fitted pipeline makes of X, without the model; of a Dataset, a lazy Dataset."""
        given, table = self._take(x=X)
        return _input.back(given, self._transformed(table))

    def evaluate(self, data: Any, metrics: Union[str, Sequence[str], None] = None, **options: Any) -> Report:
        """Predicts data that has the target's column, and computes metrics in one pass.

        Args:
            data: Dataset, DataFrame, Arrow table, dict of columns or list of dicts.
            metrics: names; None: accuracy, log_loss, roc_auc, precision, recall, f1 and confusion_matrix.
            **options: `progress` and `timeout` as in :meth:`Dataset.collect`.
        """
        _, table = self._take(data)
        return self._with(table._context)._evaluated(table, metrics, **options)

    def _evaluated(self, table: Dataset, metrics: Union[str, Sequence[str], None], **options: Any) -> Report:
        out = ctypes.c_char_p()
        names = metrics_json(metrics)

        def work(call: Any) -> None:
            _ffi.call(lib.aip_package_evaluate, self._handle, table._handle, names, call, ctypes.byref(out))

        table._context._run(work, **options)
        return Report._of(json.loads(_ffi.text_of(table._context._handle, out)), metrics)

    def scorer(self, output: str = "probability") -> Any:
        """A :class:`aipipe.Scorer`: the quickest way to predict row by row, or a large matrix."""
        from ._scorer import Scorer

        return Scorer(self, output)


def _from_bytes(data: bytes) -> Package:
    return Package.from_bytes(data)


def load(path: Union[str, os.PathLike[str]], *, context: Optional[Context] = None) -> Package:
    """Reads a package's file: what :meth:`Pipeline.save`, the command or a DAG wrote."""
    return Package.load(path, context=context)


class Fitted:
    """What a fit learned, as a package's bytes: pickled, copied and forked with ease, and opened in the context of its use."""

    __slots__ = ("_open", "data")

    def __init__(self, data: bytes, package: Optional[Package] = None) -> None:
        self.data = data
        self._open = package

    def package(self, context: Optional[Context] = None) -> Package:
        """The package in this context (the default one)."""
        context = context or default_context()
        package = self._open
        if package is None or package._context is not context:
            package = self._open = Package.from_bytes(self.data, context=context)
        return package

    def __reduce__(self) -> Any:
        return Fitted, (self.data,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fitted) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)


def fit_package(context: Context, stage: Any, model: Any, table: Dataset, target: Optional[str], **options: Any) -> Package:
    """aip_package_fit. stage and model: handles or None."""
    out = _ffi.PackageHandle()
    name = None if target is None else _ffi.name(target, "the target")

    def work(call: Any) -> None:
        _ffi.call(lib.aip_package_fit, context._handle, stage, model, table._handle, name, call, ctypes.byref(out))

    context._run(work, **options)
    return Package(out, context)


def create_package(context: Context, stage: Any, model: Any, schema: Any) -> Package:
    """aip_package_create: a package of a fitted stage or a fitted model, whose input has the schema (a handle)."""
    out = _ffi.PackageHandle()
    _ffi.call(lib.aip_package_create, context._handle, stage, model, schema, None, ctypes.byref(out))
    return Package(out, context)
