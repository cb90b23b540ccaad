"""The stages and models of the library's catalogue as classes.

Written by bindings/python/generate.py: not edited by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Optional, Union

from . import _estimator

__all__ = [
    "Cast",
    "Derive",
    "Drop",
    "DropMissing",
    "Filter",
    "Join",
    "LogisticRegression",
    "OneHotEncoder",
    "Rename",
    "Select",
    "SimpleImputer",
    "StandardScaler",
]


class Cast(_estimator.StatelessBase):
    """Turns columns into other types.

    Parameters
    ----------
    columns : dict
        Name: type, such as float64, date32, timestamp[UTC] or decimal64(2).
    on_bad_cell : {"error", "null"}, default="error"
        A value that the type cannot hold: an error, or null.
    """

    _name = "cast"
    _required_parameters = ("columns",)

    def __init__(self, columns: Mapping[str, Any], *, on_bad_cell: Literal["error", "null"] = "error") -> None:
        self.columns = columns
        self.on_bad_cell = on_bad_cell


class Derive(_estimator.DeriveBase):
    """Adds or replaces columns, each computed by an expression.

    Parameters
    ----------
    **columns
        The name of a column, and the expression that makes it.
    """

    _name = "derive"


class Drop(_estimator.StatelessBase):
    """Leaves the named columns out.

    Parameters
    ----------
    columns : list of names, "numeric", "text", "all", or a pattern with * and ?
        Columns to leave out.
    """

    _name = "drop"
    _required_parameters = ("columns",)

    def __init__(self, columns: Union[str, Sequence[str]]) -> None:
        self.columns = columns


class DropMissing(_estimator.RowStage):
    """Leaves out rows with missing values.

    It drops rows: it transforms datasets and tables, and no package can hold it.

    Parameters
    ----------
    columns : list of names, "numeric", "text", "all", or a pattern with * and ?, default="all"
        Columns to look at.
    how : {"any", "all"}, default="any"
        Drop a row when any of them is missing, or only when all are.
    nan_is_missing : bool, default=True
        NaN in a float column counts as missing, as in pandas.
    """

    _name = "drop_missing"

    def __init__(
        self,
        columns: Union[str, Sequence[str]] = "all",
        *,
        how: Literal["any", "all"] = "any",
        nan_is_missing: bool = True,
    ) -> None:
        self.columns = columns
        self.how = how
        self.nan_is_missing = nan_is_missing


class Filter(_estimator.RowStage):
    """Keeps the rows for which an expression is true.

    It drops rows: it transforms datasets and tables, and no package can hold it.

    Parameters
    ----------
    where : str
        A bool expression; rows where it is true stay.
    """

    _name = "filter"
    _required_parameters = ("where",)

    def __init__(self, where: str) -> None:
        self.where = where


class Join(_estimator.RowStage):
    """Adds columns of another table (with) where the keys are equal.

    It drops rows: it transforms datasets and tables, and no package can hold it.

    Parameters
    ----------
    right : Dataset, or what aipipe.dataset takes
        The table whose columns are added.
    on : any
        Key column, list of them, or {left_column: right_column}.
    how : {"inner", "left"}, default="inner"
        Inner: only rows with a match; left: every row, null where there is none.
    validate : {"m:1"}, default="m:1"
        Keys of the right table are unique; one that occurs twice is an error.
    suffix : str, default="_right"
        Added to a right column's name when the left table has it too.
    """

    _name = "join"
    _inputs: ClassVar = {"right": "with"}
    _required_parameters = ("right", "on")

    def __init__(
        self,
        right: Any,
        on: Any,
        *,
        how: Literal["inner", "left"] = "inner",
        validate: Literal["m:1"] = "m:1",
        suffix: str = "_right",
    ) -> None:
        self.right = right
        self.on = on
        self.how = how
        self.validate = validate
        self.suffix = suffix


class LogisticRegression(_estimator.LogisticRegressionBase):
    """Binary classifier: log-odds linear in the features, by Newton's method, with an L2 penalty.

    Parameters
    ----------
    C : float, default=1.0
        Inverse of the strength of regularisation; smaller is stronger. Above 0.
    penalty : {"l2", "none"} or None, default="l2"
        L2 penalises the squared coefficients (not the intercept); none does not.
    fit_intercept : bool, default=True
        Whether a constant is added to the features.
    tol : float, default=1e-08
        Stop when no entry of the mean gradient, in standardised coordinates, is larger. Tighter than scikit-learn's
        1e-4, since Newton's last step costs little. Above 0 and at most 1.
    max_iter : int, default=100
        Most Newton steps; past it the model says that it did not converge. At least 1 and at most 1000000000.
    class_weight : any, default=None
        Null: every row counts the same; balanced: n_rows / (2 * rows of the class); or {class: weight}, 1 for a class
        not named.

    Attributes
    ----------
    classes_
        Array of the two classes, ascending.
    coef_
        Array (1, n_features).
    intercept_
        Array (1,).
    n_iter_
        Array (1,): Newton steps.
    """

    _name = "logistic_regression"

    def __init__(
        self,
        *,
        C: float = 1.0,
        penalty: Optional[Literal["l2", "none"]] = "l2",
        fit_intercept: bool = True,
        tol: float = 1e-08,
        max_iter: int = 100,
        class_weight: Any = None,
    ) -> None:
        self.C = C
        self.penalty = penalty
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight


class OneHotEncoder(_estimator.OneHotEncoderBase):
    """Replaces a column by one column of 0 and 1 for each of its categories.

    Parameters
    ----------
    columns : list of names, "numeric", "text", "all", or a pattern with * and ?, default="text"
        Columns to encode; each is replaced by one column for each category, named NAME_CATEGORY (NAME_nan for missing).
    handle_unknown : {"error", "ignore"}, default="error"
        A category that the fit did not see: an error, or 0 in every column of its column.
    drop : {"first", "if_binary"} or None, default=None
        Leave the first category out: always, or of columns with two.
    max_distinct : int, default=10000
        More distinct values than this in a column are an error. At least 1 and at most 1000000.

    Attributes
    ----------
    categories_
        List of arrays: the categories of each encoded column, ascending.
    drop_idx_
        Array of the positions of the categories that are left out, None where none is; None without drop.
    """

    _name = "one_hot_encoder"

    def __init__(
        self,
        columns: Union[str, Sequence[str]] = "text",
        *,
        handle_unknown: Literal["error", "ignore"] = "error",
        drop: Optional[Literal["first", "if_binary"]] = None,
        max_distinct: int = 10000,
    ) -> None:
        self.columns = columns
        self.handle_unknown = handle_unknown
        self.drop = drop
        self.max_distinct = max_distinct


class Rename(_estimator.StatelessBase):
    """Gives columns new names.

    Parameters
    ----------
    columns : dict
        Old name: new name.
    """

    _name = "rename"
    _required_parameters = ("columns",)

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns = columns


class Select(_estimator.StatelessBase):
    """Keeps the named columns, in the order named.

    Parameters
    ----------
    columns : list of names, "numeric", "text", "all", or a pattern with * and ?
        Columns to keep, in this order.
    """

    _name = "select"
    _required_parameters = ("columns",)

    def __init__(self, columns: Union[str, Sequence[str]]) -> None:
        self.columns = columns


class SimpleImputer(_estimator.SimpleImputerBase):
    """Replaces missing values by a column's mean, median, most frequent value, or a constant.

    Parameters
    ----------
    columns : list of names, "numeric", "text", "all", or a pattern with * and ? or None, default=None
        Columns to impute; null: all for most_frequent, text for a text fill_value, else numeric.
    strategy : {"mean", "median", "most_frequent", "constant"}, default="mean"
        What replaces missing values; mean and median give float64, most_frequent the smallest of equals.
    fill_value : any, default=None
        Of constant; null: 0, or 'missing_value' in text columns.
    add_indicator : bool, default=False
        Add a column missingindicator_NAME of 0 and 1 for each column with missing values in the fit.
    keep_empty_features : bool, default=False
        Keep a column without any value in the fit, filled with 0 ('missing_value' in text columns), rather than leave
        it out.

    Attributes
    ----------
    statistics_
        Array of what replaces missing values; NaN for a column that is left out.
    indicator_features_
        Array of the positions of the columns that get an indicator; None without add_indicator.
    """

    _name = "simple_imputer"

    def __init__(
        self,
        columns: Optional[Union[str, Sequence[str]]] = None,
        *,
        strategy: Literal["mean", "median", "most_frequent", "constant"] = "mean",
        fill_value: Any = None,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
    ) -> None:
        self.columns = columns
        self.strategy = strategy
        self.fill_value = fill_value
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features


class StandardScaler(_estimator.StandardScalerBase):
    """Subtracts the mean and divides by the standard deviation, column by column.

    Parameters
    ----------
    columns : list of names, "numeric", "text", "all", or a pattern with * and ?, default="numeric"
        Columns to scale; each comes out as float64, missing values as null.
    with_mean : bool, default=True
        Subtract the mean.
    with_std : bool, default=True
        Divide by the standard deviation (ddof 0); by 1 where a column is constant.

    Attributes
    ----------
    mean_
        Array of the means; None without with_mean and with_std.
    var_
        Array of the variances (ddof 0); None without with_std.
    scale_
        Array of what is divided by; None without with_std.
    n_samples_seen_
        Rows with a value: one number, or an array where columns differ.
    """

    _name = "standard_scaler"

    def __init__(
        self,
        columns: Union[str, Sequence[str]] = "numeric",
        *,
        with_mean: bool = True,
        with_std: bool = True,
    ) -> None:
        self.columns = columns
        self.with_mean = with_mean
        self.with_std = with_std
