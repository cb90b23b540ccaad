"""What stages and models have in common as estimators: parameters, fit and transform or predict, learned attributes,
scikit-learn's contract.

The classes themselves are written from the catalogue (_catalog.py). An estimator's parameters are its attributes of the same
name; what a fit learned is a package's bytes, from which the attributes with an underscore behind them are read once.
"""

from __future__ import annotations

import ctypes
import html
import inspect
import json
import math
import os
import re
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Optional, Union

from . import _ffi, _input, _sklearn
from ._batch import Schema
from ._context import Context, default_context
from ._dataset import Dataset, _json, dataset
from ._ffi import lib
from ._package import Fitted, Package, create_package, fit_package
from ._scorer import matrix_scores


class Estimator:
    """A stage or a model with its parameters."""

    _name = ""  # in the catalogue
    _kind = "transformer"
    _inputs: ClassVar[dict[str, str]] = {}  # parameters that hold tables: {name in Python: name in the catalogue}
    _allow_nan: Optional[bool] = True  # None: neither NaN nor infinity is looked for
    _text = True  # takes texts
    _categorical = False
    _numeric = False  # brings arrays and frames of numbers to float64
    _preserves: Sequence[str] = ()
    _stateless = False

    # ---- parameters

    @classmethod
    def _parameter_names(cls) -> list[str]:
        names = cls.__dict__.get("_names")
        if names is None:
            names = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
            cls._names = names
        return names

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name. deep: an estimator's own among them too; here there are none."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Any:
        """Sets parameters by name; returns the estimator."""
        names = self._parameter_names()
        for name, value in params.items():
            if name not in names:
                raise ValueError(f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {names!r}.")
            setattr(self, name, value)
        return self

    def _changed(self) -> dict[str, Any]:
        """The parameters that are not as in the signature."""
        defaults = {n: p.default for n, p in inspect.signature(type(self).__init__).parameters.items()}
        changed = {}
        for name, value in self.get_params(deep=False).items():
            default = defaults.get(name, inspect.Parameter.empty)
            if type(value) is not type(default) or repr(value) != repr(default):
                changed[name] = value
        return changed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._changed().items())})"

    def _repr_html_(self) -> str:
        state = "fitted" if self.__sklearn_is_fitted__() else "not fitted"
        return f"<pre>{html.escape(repr(self))}</pre><small>{state}</small>"

    def _library_params(self, given: Optional[_input.Given]) -> dict[str, Any]:
        """The parameters as the catalogue names them."""
        return {name: value for name, value in self.get_params(deep=False).items() if name not in self._inputs}

    def _make(self, context: Context, given: Optional[_input.Given] = None) -> Any:
        """A new stage of the library."""
        out = _ffi.StageHandle()
        tables = {theirs: _as_dataset(getattr(self, ours), context) for ours, theirs in self._inputs.items()}
        inputs = (_ffi.api.aip_input * max(1, len(tables)))()
        for one, (name, table) in zip(inputs, tables.items()):
            one.struct_size = ctypes.sizeof(_ffi.api.aip_input)
            one.name = name.encode()
            one.dataset = table._handle
        params = _json(self._library_params(given))
        _ffi.call(lib.aip_stage_create, context._handle, self._name.encode(), params, inputs, len(tables), ctypes.byref(out))
        return out

    # ---- scikit-learn

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted" in self.__dict__

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise _sklearn.not_fitted(type(self).__name__)

    def _tag_values(self) -> dict[str, Any]:
        return {
            "allow_nan": self._allow_nan is not False,
            "text": self._text,
            "categorical": self._categorical,
            "preserves": list(self._preserves),
            "requires_fit": not self._stateless,
            "binary_only": self._kind == "classifier",
        }

    def __sklearn_tags__(self) -> Any:
        return _sklearn.new_tags(self._kind, **self._tag_values())

    def _more_tags(self) -> dict[str, Any]:
        return _sklearn.old_tags(self._kind, **self._tag_values())

    def _get_tags(self) -> dict[str, Any]:
        return _sklearn.all_old_tags(self._more_tags())

    # ---- as a package

    def to_package(self) -> Package:
        """What was fitted as a :class:`aipipe.Package`."""
        self._check_fitted()
        return self._fitted.package()

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes what was fitted as a package, whole or not at all; :func:`aipipe.load` reads it."""
        self.to_package().save(path)

    # ---- what X was at the fit

    def _note_columns(self, given: _input.Given) -> list[str]:
        """Sets n_features_in_ and feature_names_in_; the names that the columns have in the library."""
        names = given.names
        self.n_features_in_ = given.n_columns
        if names is None:
            self.__dict__.pop("feature_names_in_", None)
            return _input.generated(given.n_columns)
        np = _input.numpy()
        self.feature_names_in_ = np.array(names, dtype=object) if np else list(names)
        return list(names)

    def _note_names(self, names: list[str]) -> None:
        """The same, from the names that the library has."""
        plain = names == _input.generated(len(names))
        self._note_columns(_input.Given("dataset", None if plain else names, len(names), None, None))

    def _columns(self) -> list[str]:
        names = self.__dict__.get("feature_names_in_")
        return _input.generated(self.n_features_in_) if names is None else list(names)

    def _again(self, X: Any) -> tuple[_input.Given, list[str]]:
        """X of a call after the fit, held against that of the fit; and the names of its columns in the library."""
        self._check_fitted()
        who = type(self).__name__
        given = _input.take(X, who)
        _input.check_names(who, given, self.n_features_in_, self.__dict__.get("feature_names_in_"))
        given = _input.settle(given, who, numeric=self._numeric, allow_nan=self._allow_nan)
        if given.kind in ("dataset", "records") and given.names is not None:
            return given, given.names
        return given, self._columns()

    def _take(self, X: Any) -> _input.Given:
        who = type(self).__name__
        return _input.settle(_input.take(X, who), who, numeric=self._numeric, allow_nan=self._allow_nan)


def _as_dataset(table: Any, context: Context) -> Dataset:
    return table if isinstance(table, Dataset) else dataset(table, context=context)


def values_array(values: Sequence[Any]) -> Any:
    """Learned numbers (null and "NaN" are NaN) as an array, or a list without NumPy; of objects where texts are among them."""
    numbers = [float("nan") if v is None else float(v) if v in ("NaN", "Infinity", "-Infinity") else v for v in values]
    np = _input.numpy()
    if np is None:
        return numbers
    if any(isinstance(v, str) for v in numbers):
        return np.array(numbers, dtype=object)
    return np.array(numbers, dtype=np.float64)


# ---- stages --------------------------------------------------------------------------------------------------------------------


class StageEstimator(Estimator):
    """What all stages share: what transform gives back."""

    def set_output(self, *, transform: Optional[str] = None) -> Any:
        """What transform gives back: "default", "pandas" or "polars"; None leaves it as it is."""
        if transform is not None:
            if transform not in ("default", "pandas", "polars"):
                raise ValueError(f"output config must be in ['default', 'pandas', 'polars'], got {transform}")
            self._sklearn_output_config = {"transform": transform}
        return self

    def _give_back(self, given: _input.Given, table: Dataset) -> Any:
        config = self.__dict__.get("_sklearn_output_config", {}).get("transform") or _sklearn.default_output()
        dtype = getattr(given.source, "dtype", None)
        kept = dtype if given.kind == "array" and str(dtype) in self._preserves else None
        return _input.back(given, table, config, kept)

    def _through(self, given: _input.Given, names: Sequence[str]) -> Any:
        """The table through the stage as it is, without a fit."""
        table = _input.to_dataset(given, names)
        out = _ffi.DatasetHandle()
        _ffi.call(lib.aip_dataset_transform, table._handle, self._make(table._context, given), ctypes.byref(out))
        return self._give_back(given, Dataset(out, table._context))


class RowStage(StageEstimator):
    """A stage that drops, adds or reorders rows. It has nothing to learn and stands in no package: only transform."""

    _allow_nan = None

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def to_package(self) -> Package:
        """Refused: no package holds a stage that drops or adds rows."""
        raise TypeError(f"{type(self).__name__} drops or adds rows: no package can hold it")

    def transform(self, X: Any) -> Any:
        """X as the stage gives it; of a Dataset, a lazy Dataset."""
        given = self._take(X)
        return self._through(given, given.names or _input.generated(given.n_columns))


class Transformer(StageEstimator):
    """A stage that gives one row for each row, in order."""

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learns from X.

        Args:
            X: Dataset, DataFrame (pandas, polars), Arrow table, dict of columns, list of dicts, or array (n_rows, n_columns).
            y: not used.
        Returns:
            The estimator itself.
        """
        given = self._take(X)
        names = given.names or _input.generated(given.n_columns)
        table = _input.to_dataset(given, names)
        package = fit_package(table._context, self._make(table._context, given), None, table, None)
        self._note_columns(given)
        stage = package._pipeline_handle()
        self._out_names = output_names(stage, table)
        self._fitted = Fitted(package.to_bytes(), package)
        learned = describe_stage(stage, table._context)["learned"]
        if learned is not None:
            self._set_learned(learned, given)
        return self

    def _adopt(self, stage: Any, context: Context, schema: Schema) -> Schema:
        """Becomes what this fitted stage is, whose input has the schema; that of its output."""
        handle, out = schema._create(context), _ffi.SchemaHandle()
        _ffi.call(lib.aip_stage_output_schema, stage, handle, ctypes.byref(out))
        package = create_package(context, stage, None, handle)
        made = Schema._of(out)
        self._out_names = made.names
        self._fitted = Fitted(package.to_bytes(), package)
        self._note_names(schema.names)
        learned = describe_stage(stage, context)["learned"]
        if learned is not None:
            self._set_learned(learned, None)
        return made

    def _set_learned(self, learned: dict[str, Any], given: Optional[_input.Given]) -> None:
        """Sets the attributes that show what was learned."""

    def transform(self, X: Any) -> Any:
        """X as the stage gives it.

        Arrays, lists, frames and records come back as an array (see set_output), Arrow tables as such; of a Dataset comes a
        lazy Dataset.
        """
        if self._stateless and not self.__sklearn_is_fitted__():
            given = self._take(X)
            return self._through(given, given.names or _input.generated(given.n_columns))
        given, names = self._again(X)
        table = _input.to_dataset(given, names)
        return self._give_back(given, self._fitted.package(table._context)._transformed(table))

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """fit, then transform of the same X."""
        return self.fit(X, y, **fit_params).transform(X)

    def get_feature_names_out(self, input_features: Optional[Sequence[str]] = None) -> Any:
        """Names of the columns that transform gives.

        Args:
            input_features: names of the input's columns, where the fit saw none; else, if given, those of the fit.
        """
        self._check_fitted()
        fitted = self.__dict__.get("feature_names_in_")
        names = list(self._out_names)
        if input_features is not None:
            given = [str(name) for name in input_features]
            if fitted is not None and list(fitted) != given:
                raise ValueError("input_features is not equal to feature_names_in_")
            if len(given) != self.n_features_in_:
                raise ValueError(
                    f"input_features should have length equal to number of features ({self.n_features_in_}), got {len(given)}"
                )
            if fitted is None:
                names = [_renamed(name, given) for name in names]
        np = _input.numpy()
        return np.array(names, dtype=object) if np else names


def _renamed(name: str, columns: Sequence[str]) -> str:
    """A column's name that was made from a generated one (x3, x3_a, missingindicator_x3), made from the real one instead."""
    match = re.fullmatch(r"(missingindicator_)?x(\d+)(_.*)?", name, re.DOTALL)
    if not match:
        return name
    return (match[1] or "") + columns[int(match[2])] + (match[3] or "")


def describe_stage(stage: Any, context: Context) -> dict[str, Any]:
    """What aip_stage_describe says; of a pipeline of one, that one."""
    out = ctypes.c_char_p()
    _ffi.call(lib.aip_stage_describe, stage, ctypes.byref(out))
    found = json.loads(_ffi.text_of(context._handle, out))
    return found["stages"][0] if len(found.get("stages") or ()) == 1 else found


def output_names(stage: Any, table: Dataset) -> list[str]:
    """Names of the columns that a fitted stage gives for a table."""
    out = _ffi.SchemaHandle()
    _ffi.call(lib.aip_stage_output_schema, stage, lib.aip_dataset_schema(table._handle), ctypes.byref(out))
    return Schema._of(out).names


class StatelessBase(Transformer):
    """A stage with nothing to learn: it transforms without a fit; after one it holds X against what the fit saw."""

    _stateless = True
    _allow_nan = None


class StandardScalerBase(Transformer):
    """What the fit of a standard_scaler shows."""

    _text = False
    _numeric = True
    _preserves = ("float64", "float32")

    def _set_learned(self, learned: dict[str, Any], given: Optional[_input.Given]) -> None:
        for name in ("mean", "var", "scale"):
            found = learned.get(name)
            setattr(self, name + "_", None if found is None else values_array(list(found.values())))
        seen = list((learned.get("n_samples_seen") or {}).values())
        np = _input.numpy()
        if len(set(seen)) == 1:
            self.n_samples_seen_ = np.int64(seen[0]) if np else seen[0]
        else:
            self.n_samples_seen_ = np.array(seen, dtype=np.int64) if np else seen


class SimpleImputerBase(Transformer):
    """What the fit of a simple_imputer shows."""

    _preserves = ("float64", "float32")

    def _set_learned(self, learned: dict[str, Any], given: Optional[_input.Given]) -> None:
        self.statistics_ = values_array(list(learned["statistics"].values()))
        names = learned.get("indicator_features")
        self.indicator_features_ = None
        if names is not None:
            columns = list(learned["statistics"])
            np = _input.numpy()
            at = [columns.index(name) for name in names]
            self.indicator_features_ = np.array(at, dtype=np.int64) if np else at


class OneHotEncoderBase(Transformer):
    """What the fit of a one_hot_encoder shows. Of an array, whose columns have no names, columns="text" means all of them."""

    _categorical = True

    def _library_params(self, given: Optional[_input.Given]) -> dict[str, Any]:
        params = super()._library_params(given)
        if params["columns"] == "text" and given is not None and given.kind in ("array", "list"):
            params["columns"] = "all"
        return params

    def _set_learned(self, learned: dict[str, Any], given: Optional[_input.Given]) -> None:
        np = _input.numpy()
        self.categories_ = []
        for values in learned["categories"].values():
            if np is None:
                self.categories_.append(values)
            elif any(isinstance(v, (str, bool)) for v in values):
                self.categories_.append(np.array(values, dtype=bool if all(isinstance(v, bool) for v in values) else object))
            else:
                array = np.array([float("nan") if v is None or v == "NaN" else v for v in values])
                dtype = getattr(given.source, "dtype", None) if given is not None else None
                fits = dtype is not None and dtype.kind in "biuf" and array.dtype.kind in "iuf"
                self.categories_.append(array.astype(dtype) if fits else array)
        dropped = list((learned.get("drop_idx") or {}).values())
        self.drop_idx_ = None
        if self.drop is not None:  # type: ignore[attr-defined]
            self.drop_idx_ = np.array(dropped, dtype=object) if np else dropped


class DeriveBase(StatelessBase):
    """Its parameters are the columns themselves."""

    __slots__ = ("_expressions",)

    def __init__(self, /, **columns: Any) -> None:
        self._expressions = columns

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The columns and their expressions."""
        return dict(self._expressions)

    def set_params(self, **params: Any) -> Any:
        """Adds or replaces columns; returns the estimator."""
        self._expressions = {**self._expressions, **params}
        return self

    def _changed(self) -> dict[str, Any]:
        return self._expressions

    def _library_params(self, given: Optional[_input.Given]) -> dict[str, Any]:
        return dict(self._expressions)


# ---- models --------------------------------------------------------------------------------------------------------------------


class Classifier(Estimator):
    """A model that predicts one of two classes."""

    _kind = "classifier"
    _estimator_type = "classifier"
    _allow_nan = False
    _text = False
    _numeric = True

    def _make(self, context: Context, given: Optional[_input.Given] = None) -> Any:
        out = _ffi.ModelHandle()
        params = _json(self._library_params(given))
        _ffi.call(lib.aip_model_create, context._handle, self._name.encode(), params, ctypes.byref(out))
        return out

    def fit(self, X: Any, y: Any = None, *, target: Optional[str] = None) -> Any:
        """Learns y from X.

        Args:
            X: Dataset, DataFrame (pandas, polars), Arrow table, dict of columns, list of dicts, or array (n_rows, n_columns):
                numbers without missing values.
            y: array of two classes; or the name of the column of X that holds them.
            target: that name, where no y is given.
        Returns:
            The estimator itself.
        """
        who = type(self).__name__
        given = self._take(X)
        name = target if target is not None else y if isinstance(y, str) else None
        if name is None:
            if given.kind == "dataset":
                raise ValueError(f"{who}: with a Dataset, y (or target) is the name of the column that holds the classes")
            names = given.names or _input.generated(given.n_columns)
            labels = _input.take_classes(y, given, who, names)
            table, name = _input.to_dataset(given, names, (labels.name, labels.values)), labels.name
        else:
            if given.names is None or name not in given.names:
                raise ValueError(f"{who}: X has no column {name!r}, which y or target names")
            table = _input.to_dataset(given._replace(array=None), given.names)
            rest = [column for column in given.names if column != name]
            given, labels = given._replace(names=rest, n_columns=len(rest)), None
        package = fit_package(table._context, None, self._make(table._context, given), table, name)
        self._note_columns(given)
        self._fitted = Fitted(package.to_bytes(), package)
        learned = package._model_description()
        assert learned is not None
        self._set_learned(learned)
        self.classes_ = labels.classes if labels is not None else class_array(learned)
        self._warn(learned)
        return self

    def _adopt(self, package: Any, schema: Schema) -> None:
        """Becomes the fitted model of a package, which reads columns of this schema."""
        context = package._context
        model = _ffi.ModelHandle()
        _ffi.call(lib.aip_package_model, package._handle, ctypes.byref(model))
        alone = create_package(context, None, model, schema._create(context))
        self._fitted = Fitted(alone.to_bytes(), alone)
        self._note_names(schema.names)
        learned = alone._model_description()
        assert learned is not None
        self._set_learned(learned)
        self.classes_ = class_array(learned)
        self._warn(learned)

    def _warn(self, learned: dict[str, Any]) -> None:
        for message in learned.get("warnings") or ():
            warnings.warn(f"{type(self).__name__}: {message}", _sklearn.warning("ConvergenceWarning"), stacklevel=3)

    def _set_learned(self, learned: dict[str, Any]) -> None:
        """Sets the attributes that show what was learned, but for classes_."""

    def _probability(self, X: Any) -> Any:
        """Of the second class: an array, a list without NumPy, or for a Dataset the dataset with the model's columns."""
        given, names = self._again(X)
        if given.array is not None and names:
            return matrix_scores(self._fitted.package(), given.array)
        table = _input.to_dataset(given, names)
        predicted = self._fitted.package(table._context)._predicted(table)
        return predicted if given.kind == "dataset" else _input.column(predicted, "probability")

    def predict(self, X: Any) -> Any:
        """The predicted class of each row: an array (a list without NumPy).

        Of a Dataset: a lazy Dataset, its rows with the columns ``prediction`` and ``probability`` added.
        """
        p = self._probability(X)
        if isinstance(p, Dataset):
            return p
        if isinstance(p, list):
            return [self.classes_[int(value > 0.5)] for value in p]
        return self.classes_.take((p > 0.5).astype(int))

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class for each row: an array (n_rows, 2), the classes as in ``classes_``.

        Of a Dataset: a lazy Dataset of one column, ``probability`` of the second class.
        """
        p = self._probability(X)
        return _input.only(p, ["probability"]) if isinstance(p, Dataset) else _input.both(p)

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of predict_proba; an array needs NumPy."""
        np = _input.numpy()
        p = self.predict_proba(X)
        if isinstance(p, Dataset) or np is None:
            raise TypeError("predict_log_proba: expected an array, a frame or a list, and NumPy installed")
        with np.errstate(divide="ignore"):
            return np.log(p)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The share of rows whose prediction is the truth.

        Args:
            X: as in predict.
            y: the true classes, or the name of the column of X that holds them.
            sample_weight: weights of the rows; None: all the same.
        """
        self._check_fitted()
        if isinstance(y, str):
            given = self._take(X)
            table = _input.to_dataset(given._replace(array=None), given.names or [])
            package = self._fitted.package(table._context)
            if y != package.target:
                raise ValueError(f"{type(self).__name__} was fitted to predict {package.target!r}, and y names {y!r}")
            return float(package._evaluated(table, ["accuracy"])["accuracy"])
        predicted = self.predict(X)
        if isinstance(predicted, Dataset):
            raise ValueError("with a Dataset, y is the name of the column that holds the classes")
        right = [float(a == b) for a, b in zip(predicted, y)]
        weights = [1.0] * len(right) if sample_weight is None else [float(w) for w in sample_weight]
        return math.fsum(r * w for r, w in zip(right, weights)) / math.fsum(weights)


def class_array(learned: dict[str, Any]) -> Any:
    """The classes of a described model as an array, or a list without NumPy."""
    np = _input.numpy()
    values = learned["classes"]
    if np is None:
        return values
    kind = {"bool": bool, "int64": np.int64, "float64": np.float64}.get(learned.get("class_type", ""), object)
    return np.array(values, dtype=kind)


class LogisticRegressionBase(Classifier):
    """What the fit of a logistic_regression shows."""

    def _library_params(self, given: Optional[_input.Given]) -> dict[str, Any]:
        params = super()._library_params(given)
        weights = params["class_weight"]
        if isinstance(weights, dict):
            params["class_weight"] = {_class_name(key): value for key, value in weights.items()}
        return params

    def _set_learned(self, learned: dict[str, Any]) -> None:
        np = _input.numpy()
        names = learned.get("feature_names") or list(learned["coefficients"])
        coef = [learned["coefficients"][name] for name in names]
        self.coef_ = np.array([coef], dtype=np.float64) if np else [coef]
        self.intercept_ = np.array([learned["intercept"]], dtype=np.float64) if np else [learned["intercept"]]
        self.n_iter_ = np.array([learned["n_iter"]], dtype=np.int32) if np else [learned["n_iter"]]

    def decision_function(self, X: Any) -> Any:
        """The log-odds of the second class for each row: an array (a list without NumPy); of a Dataset, a lazy one."""
        given, names = self._again(X)
        if given.array is not None:
            return given.array @ self.coef_[0] + self.intercept_[0]
        table = _input.to_dataset(given, names)
        terms = [f'{float(c)!r} * "{name.replace(chr(34), chr(34) * 2)}"' for c, name in zip(self.coef_[0], self._columns())]
        line = " + ".join([*terms, repr(float(self.intercept_[0]))])
        made = _input.only(_input.through(table, "derive", {"decision": line}), ["decision"])
        return made if given.kind == "dataset" else _input.column(made, "decision")


def _class_name(key: Any) -> str:
    """A class as class_weight names it in the library's parameters."""
    np = _input.numpy()
    if isinstance(key, bool) or (np is not None and isinstance(key, np.bool_)):
        return "true" if key else "false"
    return str(key)


# ---- by the catalogue's name ---------------------------------------------------------------------------------------------------


def stage(name: str, /, context: Optional[Context] = None, **params: Any) -> Any:
    """A stage by its name in the catalogue: a built-in's class, or for a host's or a module's stage one that is made now.

    Args:
        name: such as ``"standard_scaler"``.
        context: whose catalogue; None: the default context's.
        **params: its parameters.
    Raises:
        NotFoundError: there is no such stage; the nearest is named.
    """
    return _class_of("stage", name, context)(**params)


def model(name: str, /, context: Optional[Context] = None, **params: Any) -> Any:
    """A model by its name in the catalogue; see :func:`stage`."""
    return _class_of("model", name, context)(**params)


_made: dict[tuple[str, str], type[Estimator]] = {}


def _class_of(kind: str, name: str, context: Optional[Context]) -> type[Estimator]:
    from . import _catalog

    for known in _catalog.__all__:
        cls = getattr(_catalog, known)
        if cls._name == name and issubclass(cls, Classifier) == (kind == "model"):
            return cls
    if (kind, name) not in _made:
        _made[kind, name] = _make_class(kind, (context or default_context()).catalog(f"{kind}.{name}"))
    return _made[kind, name]


def _make_class(kind: str, entry: dict[str, Any]) -> type[Estimator]:
    """A class for a descriptor that the package has none for."""
    name = entry["name"]
    wanted = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    order = [entry.get("shorthand")] if entry.get("shorthand") else []
    params = sorted(entry["params"], key=lambda param: param["name"] not in order)
    for param in params:
        default = inspect.Parameter.empty if param.get("required") else param["default"]
        where = inspect.Parameter.POSITIONAL_OR_KEYWORD if param["name"] in order else inspect.Parameter.KEYWORD_ONLY
        wanted.append(inspect.Parameter(param["name"], where, default=default))
    signature = inspect.Signature(wanted)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        for key, value in list(bound.arguments.items())[1:]:
            setattr(self, key, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    base = Classifier if kind == "model" else Transformer if entry.get("rows", "same") == "same" else RowStage
    lines = [entry["doc"], "", *(f"{param['name']}: {param['doc']}" for param in params)]
    members = {
        "__init__": __init__,
        "__doc__": "\n".join(lines),
        "__module__": __name__,
        "__reduce__": _reduce_made,
        "_name": name,
    }
    return type("".join(part.capitalize() for part in name.split("_")), (base,), members)


def _reduce_made(self: Any) -> Any:
    return _revive, (self._kind, self._name, self.get_params(deep=False)), self.__dict__


def _revive(kind: str, name: str, params: dict[str, Any]) -> Any:
    return _class_of("model" if kind == "classifier" else "stage", name, None)(**params)
