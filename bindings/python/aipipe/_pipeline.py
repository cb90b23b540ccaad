"""Pipelines: stages in a row, ending in a model or not, fitted and predicted as one; saved as a package."""

from __future__ import annotations

import copy
import ctypes
import functools
import html
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, Callable, Optional, Union

from . import _ffi, _input, _sklearn
from ._dataset import Dataset, dataset
from ._estimator import Classifier, Estimator, RowStage, SimpleImputerBase, Transformer
from ._ffi import lib
from ._package import Fitted, Package, Report, fit_package, metrics_json
from ._scorer import matrix_scores


def _kind_name(estimator: Any) -> str:
    return type(estimator).__name__.lower()


def _named(steps: Sequence[Any]) -> list[tuple[str, Any]]:
    """Every step with a name; those without get their class's, numbered where it is there more than once."""
    names = [step[0] if isinstance(step, tuple) else None for step in steps]
    bare = [step[1] if isinstance(step, tuple) else step for step in steps]
    made = [_kind_name(estimator) for name, estimator in zip(names, bare) if name is None]
    seen: dict[str, int] = {}
    named = []
    for name, estimator in zip(names, bare):
        if name is None:
            name = _kind_name(estimator)
            if made.count(name) > 1:
                seen[name] = seen.get(name, 0) + 1
                name = f"{name}-{seen[name]}"
        named.append((name, estimator))
    return named


def _is_ours(estimator: Any) -> bool:
    return isinstance(estimator, Estimator)


def _predicts(estimator: Any) -> bool:
    return isinstance(estimator, Classifier) or (not _is_ours(estimator) and hasattr(estimator, "predict"))


class _of_model:
    """A method that is there only when the last step, a model, has it too."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__
        functools.update_wrapper(self, function)  # type: ignore[arg-type]

    def __get__(self, pipeline: Any, owner: Any = None) -> Any:
        if pipeline is None:
            return self.function
        final = pipeline._final
        if not _predicts(final) or not hasattr(final, self.name):
            raise AttributeError(f"this Pipeline has no {self.name!r}: its last step is {final!r}")
        return self.function.__get__(pipeline, owner)


class Pipeline:
    """Stages in a row, of which the last may be a model: fitted, predicted, saved and loaded as one.

    Args:
        steps: estimators, or (name, estimator) pairs. Each keeps rows; what drops rows (``drop_missing``, ``filter``, ``join``)
            comes before, on the dataset. Estimators of scikit-learn may stand among them; such a pipeline cannot be saved as a
            package.

    A fit does not change the steps that were given: ``pipeline[i]``, ``pipeline["name"]`` and ``named_steps`` give the fitted
    ones.

    Attributes:
        classes_: the classes of the model.
        feature_names_in_: names of the columns that the fit saw, but for the target.
        n_features_in_: how many they are.
        target_: name of the target's column.
    """

    _required_parameters = ("steps",)

    def __init__(self, steps: Sequence[Any]) -> None:
        self.steps = steps

    # ---- parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; deep: the steps by their names, and their parameters as ``step__parameter``."""
        params: dict[str, Any] = {"steps": self.steps}
        if deep:
            for name, estimator in self._given_steps():
                params[name] = estimator
                if hasattr(estimator, "get_params"):
                    params.update({f"{name}__{key}": value for key, value in estimator.get_params(deep=True).items()})
        return params

    def set_params(self, **params: Any) -> Pipeline:
        """Sets steps, a step by its name, or a step's parameter as ``step__parameter``; returns the pipeline."""
        if "steps" in params:
            self.steps = params.pop("steps")
        names = [name for name, _ in self._given_steps()]
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name not in names:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {['steps', *names]!r}."
                )
            at = names.index(name)
            if rest:
                _named(self.steps)[at][1].set_params(**{rest: value})
            else:
                old = self.steps[at]
                steps = list(self.steps)
                steps[at] = (old[0], value) if isinstance(old, tuple) else value
                self.steps = steps
        return self

    def __repr__(self) -> str:
        steps = [repr(step) for step in self.steps] if isinstance(self.steps, (list, tuple)) else None
        return f"Pipeline({self.steps!r})" if steps is None else f"Pipeline([{', '.join(steps)}])"

    def _repr_html_(self) -> str:
        fitted = self.__sklearn_is_fitted__()
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td><code>{html.escape(repr(estimator))}</code></td></tr>"
            for name, estimator in self._shown()
        )
        return f"<table>{rows}</table><small>{'fitted' if fitted else 'not fitted'}</small>"

    # ---- steps

    def _shown(self) -> list[tuple[str, Any]]:
        """The fitted steps, or those that were given."""
        return self.__dict__.get("_steps") or self._given_steps()

    @property
    def named_steps(self) -> dict[str, Any]:
        """The steps by name; the fitted ones after a fit."""
        return dict(self._shown())

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Any]:
        return (estimator for _, estimator in self._shown())

    def __getitem__(self, key: Union[int, str, slice]) -> Any:
        shown = self._shown()
        if isinstance(key, str):
            return dict(shown)[key]
        if isinstance(key, slice):
            part = Pipeline([step for step in shown[key]])
            if self.__sklearn_is_fitted__():
                part._join_fitted(shown[key])
            return part
        return shown[key][1]

    def _join_fitted(self, steps: list[tuple[str, Any]]) -> None:
        """Makes this the fitted pipeline of steps that are fitted each."""
        self._steps = steps
        first, last = steps[0][1], steps[-1][1]
        self.n_features_in_ = getattr(first, "n_features_in_", None)
        if hasattr(first, "feature_names_in_"):
            self.feature_names_in_ = first.feature_names_in_
        if hasattr(last, "classes_"):
            self.classes_ = last.classes_

    # ---- scikit-learn

    def _given_steps(self) -> list[tuple[str, Any]]:
        """The steps with their names; none where `steps` is no list of steps (fit says so)."""
        return _named(self.steps) if isinstance(self.steps, (list, tuple)) else []

    @property
    def _final(self) -> Any:
        steps = self._given_steps()
        return steps[-1][1] if steps else None

    @property
    def _estimator_type(self) -> Optional[str]:
        final = self._final
        return getattr(final, "_estimator_type", None) or (
            _foreign_kind(final) if final is not None and not _is_ours(final) else None
        )

    def __sklearn_is_fitted__(self) -> bool:
        return "_steps" in self.__dict__

    def _tag_values(self) -> dict[str, Any]:
        steps = self._given_steps()
        first = steps[0][1] if steps else None
        values = first._tag_values() if _is_ours(first) else Estimator()._tag_values()
        nan = _takes_nan(steps) is not False
        return {
            **values,
            "allow_nan": nan,
            "requires_fit": True,
            "preserves": [],
            "binary_only": isinstance(self._final, Classifier),
        }

    def __sklearn_tags__(self) -> Any:
        return _sklearn.new_tags(self._estimator_type or "transformer", transforms=True, **self._tag_values())

    def _more_tags(self) -> dict[str, Any]:
        return _sklearn.old_tags(self._estimator_type or "transformer", **self._tag_values())

    def _get_tags(self) -> dict[str, Any]:
        return _sklearn.all_old_tags(self._more_tags())

    # ---- fit

    def fit(self, X: Any, y: Any = None, *, target: Optional[str] = None, **options: Any) -> Pipeline:
        """Fits each stage on what the fitted stages before it make of X, and the model on what comes out of the last.

        Args:
            X: Dataset, DataFrame (pandas, polars), Arrow table, dict of columns, list of dicts, or array (n_rows, n_columns).
            y: array of classes, or the name of the column of X that holds them. A pipeline without a model needs none.
            target: that name, where no y is given.
            **options: `progress` and `timeout` as in :meth:`Dataset.collect`.
        Returns:
            The pipeline itself.
        """
        steps = self._given_steps()
        if not steps:
            raise ValueError(f"steps is {self.steps!r}: expected a list of estimators, or of (name, estimator) pairs")
        for name, estimator in steps:
            if isinstance(estimator, RowStage):
                raise TypeError(
                    f"step {name!r} ({type(estimator).__name__}) drops or adds rows, which no pipeline may: apply it to the"
                    f" dataset before, as {type(estimator).__name__}(...).transform(dataset) or by the dataset's own method"
                )
            if not hasattr(estimator, "fit"):
                raise TypeError(f"step {name!r} is {estimator!r}: expected an estimator")
        for name, estimator in steps[:-1]:
            if not hasattr(estimator, "transform"):
                raise TypeError(
                    f"step {name!r} ({type(estimator).__name__}) does not transform: only the last step may be a model"
                )
        given = self._settle(_input.take(X, "Pipeline"), steps)
        name = target if target is not None else y if isinstance(y, str) else None
        names = given.names or _input.generated(given.n_columns)
        classes = None
        if name is not None:
            if given.names is None or name not in given.names:
                raise ValueError(f"Pipeline: X has no column {name!r}, which y or target names")
            table = _input.to_dataset(given._replace(array=None), names)
            columns = [column for column in names if column != name]
        elif y is not None and _predicts(steps[-1][1]):
            if given.kind == "dataset":
                raise ValueError("with a Dataset, y (or target) is the name of the column that holds the classes")
            labels = _input.take_classes(y, given, "Pipeline", names) if isinstance(steps[-1][1], Classifier) else None
            if labels is not None:
                name, classes = labels.name, labels.classes
                table = _input.to_dataset(given, names, (name, labels.values))
            else:
                table = _input.to_dataset(given, names)
            columns = names
        elif isinstance(steps[-1][1], Classifier):
            raise ValueError("Pipeline requires y to be passed, but the target y is None")
        else:
            table, columns = _input.to_dataset(given, names), names
        self._note(given._replace(names=None if given.names is None else columns, n_columns=len(columns)))
        self.target_ = name
        if all(_is_ours(estimator) for _, estimator in steps):
            self._fit_library(steps, given, table, columns, name, options)
        else:
            self._fit_mixed(steps, table, name, y)
        if classes is not None:
            self.classes_ = classes
            self._steps[-1][1].classes_ = classes
        return self

    def _settle(self, given: _input.Given, steps: Sequence[tuple[str, Any]]) -> _input.Given:
        first = steps[0][1]
        return _input.settle(given, "Pipeline", numeric=_is_ours(first) and first._numeric, allow_nan=_takes_nan(steps))

    def _note(self, given: _input.Given) -> None:
        Estimator._note_columns(self, given)  # type: ignore[arg-type]

    def _columns(self) -> list[str]:
        return Estimator._columns(self)  # type: ignore[arg-type]

    def _fit_library(
        self,
        steps: list[tuple[str, Any]],
        given: _input.Given,
        table: Dataset,
        columns: list[str],
        target: Optional[str],
        options: Any,
    ) -> None:
        """All steps are ours: the library fits them in one go."""
        context = table._context
        last = steps[-1][1]
        stages = [estimator for _, estimator in steps if isinstance(estimator, Transformer)]
        handles = [estimator._make(context, given) for estimator in stages]
        pipeline = None
        if handles:
            pipeline = _ffi.StageHandle()
            array = (_ffi.api.aip_stage * len(handles))(*(_ffi.api.aip_stage(handle.value) for handle in handles))
            _ffi.call(lib.aip_stage_pipeline, context._handle, array, len(handles), ctypes.byref(pipeline))
        model = last._make(context, given) if isinstance(last, Classifier) else None
        if model is None and target is not None:
            table = _input.through(table, "drop", {"columns": [target]})
        package = fit_package(context, pipeline, model, table, target if model is not None else None, **options)
        self._fitted = Fitted(package.to_bytes(), package)
        source = table if target is None or model is None else _input.through(table, "drop", {"columns": [target]})
        self._steps = fitted_steps(steps, package, source.schema)
        self.__dict__.pop("classes_", None)
        if model is not None:
            self.classes_ = self._steps[-1][1].classes_

    def _fit_mixed(self, steps: list[tuple[str, Any]], table: Dataset, target: Optional[str], y: Any) -> None:
        """Some steps are others' estimators: step by step, through arrays and frames where it changes from one to the other."""
        self.__dict__.pop("_fitted", None)
        if target is not None:
            if y is None or isinstance(y, str):
                y = _input.column(table, target)
            table = _input.through(table, "drop", {"columns": [target]})
        fitted: list[tuple[str, Any]] = []
        for i, (name, estimator) in enumerate(steps):
            last = i == len(steps) - 1
            one = _clone(estimator)
            if _is_ours(one) and not isinstance(one, Classifier):
                one.fit(table)
            elif _is_ours(one):
                one.fit(frame(table), y)
            else:
                one.fit(frame(table), y)
            fitted.append((name, one))
            if not last:
                table = _through_step(one, table)
        self._steps = fitted
        self.__dict__.pop("classes_", None)
        if hasattr(fitted[-1][1], "classes_"):
            self.classes_ = fitted[-1][1].classes_

    # ---- use

    def _checked(self, X: Any) -> tuple[_input.Given, list[str]]:
        """X of a call after the fit, and its columns' names. They are found by name: those that no step reads may be missing."""
        if not self.__sklearn_is_fitted__():
            raise _sklearn.not_fitted("Pipeline")
        given = _input.take(X, "Pipeline")
        names = given.names
        fitted = self.__dict__.get("feature_names_in_")
        if names is None or fitted is None:
            _input.check_names("Pipeline", given, self.n_features_in_, fitted)
            names = self._columns() if given.kind not in ("dataset", "records") else names
        given = self._settle(given, self._steps)
        return given, names or []

    def _again(self, X: Any) -> tuple[_input.Given, Dataset]:
        """X of a call after the fit as a dataset."""
        given, names = self._checked(X)
        table = _input.to_dataset(given, names)
        if self._mixed and table.columns != self._columns():  # others' estimators go by position
            table = _input.only(table, self._columns())
        return given, table

    def _probability(self, X: Any) -> Any:
        """Of the second class: an array, a list without NumPy, or for a Dataset the dataset with the model's columns."""
        given, names = self._checked(X)
        if given.array is not None and self._fitted.package().inputs.names == names:
            return matrix_scores(self._fitted.package(), given.array)
        table = _input.to_dataset(given, names)
        predicted = self._fitted.package(table._context)._predicted(table)
        return predicted if given.kind == "dataset" else _input.column(predicted, "probability")

    def _foreign_result(self, table: Dataset, method: str) -> Any:
        for _, estimator in self._steps[:-1]:
            table = _through_step(estimator, table)
        last = self._steps[-1][1]
        return getattr(last, method)(frame(table))

    @property
    def _mixed(self) -> bool:
        return "_fitted" not in self.__dict__

    @_of_model
    def predict(self, X: Any) -> Any:
        """The predicted class of each row, in order: an array (a list without NumPy).

        Of a Dataset: a lazy Dataset, its rows with the columns ``prediction`` and ``probability`` added; where a model of
        others' stands at the end, an array.
        """
        if self._mixed and self.__sklearn_is_fitted__():
            return self._foreign_result(self._again(X)[1], "predict")
        p = self._probability(X)
        if isinstance(p, Dataset):
            return p
        if isinstance(p, list):
            return [self.classes_[int(value > 0.5)] for value in p]
        return self.classes_.take((p > 0.5).astype(int))

    @_of_model
    def predict_proba(self, X: Any) -> Any:
        """The probability of each class for each row, in order: an array (n_rows, n_classes), the classes as in ``classes_``.

        Of a Dataset: a lazy Dataset of one column, ``probability`` of the second class; where a model of others' stands at the
        end, an array.
        """
        if self._mixed and self.__sklearn_is_fitted__():
            return self._foreign_result(self._again(X)[1], "predict_proba")
        p = self._probability(X)
        return _input.only(p, ["probability"]) if isinstance(p, Dataset) else _input.both(p)

    @_of_model
    def decision_function(self, X: Any) -> Any:
        """The model's decision for each row; for our models the log-odds of the second class."""
        given, table = self._again(X)
        if self._mixed:
            return self._foreign_result(table, "decision_function")
        last = self._steps[-1][1]
        if len(self._steps) > 1:
            table = self._fitted.package(table._context)._transformed(table)
        made = last.decision_function(table)
        return made if given.kind == "dataset" else _input.column(made, "decision")

    def transform(self, X: Any) -> Any:
        """X as the fitted stages give it, before the model; of a Dataset, a lazy Dataset."""
        given, table = self._again(X)
        if self._mixed:
            steps = self._steps[:-1] if _predicts(self._steps[-1][1]) else self._steps
            for _, estimator in steps:
                table = _through_step(estimator, table)
            return _input.back(given, table)
        if len(self._steps) == 1 and isinstance(self._steps[0][1], Classifier):
            return _input.back(given, table)
        return _input.back(given, self._fitted.package(table._context)._transformed(table))

    def fit_transform(self, X: Any, y: Any = None, **options: Any) -> Any:
        """fit, then transform of the same X."""
        return self.fit(X, y, **options).transform(X)

    @_of_model
    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The share of rows whose prediction is the truth; y: the true classes, or the name of the column that holds them."""
        if isinstance(y, str):
            return float(self.evaluate(X, metrics=["accuracy"])["accuracy"])
        if self.__sklearn_is_fitted__() and not _is_ours(self._steps[-1][1]):
            _, table = self._again(X)
            for _, estimator in self._steps[:-1]:
                table = _through_step(estimator, table)
            return float(
                self._steps[-1][1].score(frame(table), y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
            )
        return Classifier.score(self, X, y, sample_weight)  # type: ignore[arg-type]

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise _sklearn.not_fitted("Pipeline")

    def evaluate(self, data: Any, metrics: Union[str, Sequence[str], None] = None, **options: Any) -> Report:
        """Predicts data that has the target's column, and computes metrics in one pass: ``pipeline.evaluate(test)["roc_auc"]``.

        Args:
            data: Dataset, DataFrame, Arrow table, dict of columns or list of dicts, with the target among its columns.
            metrics: names; None: accuracy, log_loss, roc_auc, precision, recall, f1 and confusion_matrix.
            **options: `progress` and `timeout` as in :meth:`Dataset.collect`.
        """
        if not _predicts(self._final):
            raise TypeError(f"evaluate: expected a model as the last step, found {self._final!r}")
        self._check_fitted()
        if self.target_ is None:
            raise ValueError("the pipeline was fitted with a y that has no name: fit it with target= to evaluate")
        given = _input.take(data, "Pipeline")
        if given.names is None:
            raise ValueError(f"evaluate: expected a table that has the target's column {self.target_!r}")
        table = _input.to_dataset(given, given.names)
        if not self._mixed:
            return self._fitted.package(table._context)._evaluated(table, metrics, **options)
        return self._evaluate_mixed(table, metrics, **options)

    def _evaluate_mixed(self, table: Dataset, metrics: Union[str, Sequence[str], None], **options: Any) -> Report:
        assert self.target_ is not None
        truth = _input.column(table, self.target_)
        rows = _input.through(table, "drop", {"columns": [self.target_]}) if self.target_ in table.columns else table
        columns = {self.target_: truth, "prediction": self.predict(rows)}
        if hasattr(self._steps[-1][1], "predict_proba"):
            columns["probability"] = self.predict_proba(rows)[:, 1]
        return evaluate_columns(columns, self.target_, metrics, **options)

    def get_feature_names_out(self, input_features: Optional[Sequence[str]] = None) -> Any:
        """Names of the columns that transform gives."""
        self._check_fitted()
        names = input_features
        for _, estimator in self._steps:
            if not _predicts(estimator):
                names = estimator.get_feature_names_out(names)
        return names

    # ---- as a package

    def to_package(self) -> Package:
        """The fitted pipeline as a :class:`aipipe.Package`.

        Raises:
            TypeError: a step is an estimator of another library, which no package can hold; it is named.
        """
        self._check_fitted()
        for name, estimator in self._steps:
            if not _is_ours(estimator):
                kind = type(estimator)
                raise TypeError(
                    f"step {name!r} is {kind.__module__.split('.')[0]}'s {kind.__name__}, which no package can hold:"
                    " a package has stages and models of aipipe alone (pickle keeps such a pipeline)"
                )
        return self._fitted.package()

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the fitted pipeline as a package, whole or not at all; :func:`aipipe.load` reads it.

        Raises:
            TypeError: a step is an estimator of another library; it is named.
        """
        self.to_package().save(path)

    def scorer(self, output: str = "probability") -> Any:
        """A :class:`aipipe.Scorer`: the quickest way to predict row by row, or a large matrix."""
        return self.to_package().scorer(output)


def _takes_nan(steps: Sequence[tuple[str, Any]]) -> Optional[bool]:
    """Whether NaN in X goes through the steps: not where a model meets it that no imputer stands before."""
    for _, estimator in steps:
        if not _is_ours(estimator) or isinstance(estimator, SimpleImputerBase):
            return None
        if estimator._allow_nan is False:
            return False
    return True


def _foreign_kind(estimator: Any) -> Optional[str]:
    try:
        return estimator.__sklearn_tags__().estimator_type
    except AttributeError:
        return None


def _clone(estimator: Any) -> Any:
    """An estimator with the same parameters, not fitted."""
    if _is_ours(estimator) or not hasattr(estimator, "get_params"):
        return fresh(estimator) if _is_ours(estimator) else copy.deepcopy(estimator)
    from sklearn.base import clone

    return clone(estimator)


def fresh(estimator: Any) -> Any:
    """One of ours with the same parameters, not fitted."""
    new = type(estimator)(**estimator.get_params(deep=False))
    if "_sklearn_output_config" in estimator.__dict__:
        new._sklearn_output_config = dict(estimator._sklearn_output_config)
    return new


def frame(table: Dataset) -> Any:
    """A table for another library's estimator: a float64 matrix where every column is a number, else a DataFrame of pandas."""
    if all(field.type in ("bool", "int32", "int64", "float32", "float64") for field in table.schema):
        return _input.matrix(table)
    return table.to_pandas()


def _through_step(estimator: Any, table: Dataset) -> Dataset:
    """A table through a fitted step."""
    made = estimator.transform(table if _is_ours(estimator) else frame(table))
    if isinstance(made, Dataset):
        return made
    if hasattr(made, "toarray"):
        made = made.toarray()
    given = _input.take(made, type(estimator).__name__)
    names = given.names
    if names is None and hasattr(estimator, "get_feature_names_out"):
        plain = not hasattr(estimator, "feature_names_in_")
        try:
            names = [str(name) for name in estimator.get_feature_names_out(table.columns if plain else None)]
        except (ValueError, AttributeError, NotImplementedError):  # some know no names: theirs are made up
            names = None
    return _input.to_dataset(given, names or _input.generated(given.n_columns))


def evaluate_columns(columns: dict[str, Any], target: str, metrics: Union[str, Sequence[str], None], **options: Any) -> Report:
    """Metrics of predictions that are columns already."""
    table = dataset(columns)
    out = ctypes.c_char_p()

    def work(call: Any) -> None:
        _ffi.call(
            lib.aip_dataset_evaluate,
            table._handle,
            _ffi.name(target, "the target"),
            metrics_json(metrics),
            call,
            ctypes.byref(out),
        )

    table._context._run(work, **options)
    return Report._of(json.loads(_ffi.text_of(table._context._handle, out)), metrics)


def fitted_steps(steps: Sequence[tuple[str, Any]], package: Package, schema: Any) -> list[tuple[str, Any]]:
    """Copies of the steps that show what a package's stages and model learned, each fitted on its own.

    schema: of the table that the first step saw.
    """
    context = package._context
    pipeline = package._pipeline_handle()
    shown: list[tuple[str, Any]] = []
    at = 0
    for name, estimator in steps:
        one = fresh(estimator)
        if isinstance(one, Transformer):
            stage = _ffi.StageHandle(lib.aip_stage_at(pipeline, at).value)
            lib.aip_stage_retain(stage)
            at += 1
            schema = one._adopt(stage, context, schema)
        else:
            one._adopt(package, schema)
        shown.append((name, one))
    return shown
