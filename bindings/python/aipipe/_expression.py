"""Expressions: ``col("x") > 3`` prints to the library's one expression language, and stands wherever its text does."""

from __future__ import annotations

import datetime
import decimal
import re
from typing import Any, Optional, Union

# How tightly parts bind, from the loosest (docs/expressions.md).
_OR, _AND, _NOT, _COMPARE, _JOIN, _SUM, _PRODUCT, _SIGN, _ATOM = range(1, 10)

_BARE = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*\Z")
_WORDS = frozenset("and or not is in between null true false case when then else end cast try_cast as nan infinity inf".split())

Operand = Union["Expression", str, bool, int, float, decimal.Decimal, datetime.date, datetime.datetime, None]


def quote_name(name: str) -> str:
    """A column's name as an expression has it: bare where that is possible, else in double quotes."""
    if _BARE.match(name) and not any(part.lower() in _WORDS for part in name.split(".")):
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as an expression has it, in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def _literal(value: Any) -> tuple[str, int]:
    if hasattr(value, "item") and not isinstance(value, Expression):  # a scalar of NumPy
        value = value.item()
    if value is None:
        return "null", _ATOM
    if isinstance(value, bool):
        return ("true" if value else "false"), _ATOM
    if isinstance(value, str):
        return quote_text(value), _ATOM
    if isinstance(value, (int, decimal.Decimal)):
        return format(value, "f") if isinstance(value, decimal.Decimal) else str(value), _SIGN if value < 0 else _ATOM
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            name = "nan" if value != value else "inf" if value > 0 else "-inf"
            return f"cast('{name}' as float64)", _ATOM
        return repr(value), _SIGN if value < 0 else _ATOM
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            utc = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
            return f"timestamp({quote_text(utc.isoformat(sep=' '))}, 'UTC')", _ATOM
        return f"timestamp({quote_text(value.isoformat(sep=' '))})", _ATOM
    if isinstance(value, datetime.date):
        return f"date({quote_text(value.isoformat())})", _ATOM
    raise TypeError(f"{value!r} in an expression: expected an expression, text, a number, a truth value, a date, a time or None")


def _at(value: Any, level: int) -> str:
    """The text of an operand, in parentheses when it binds less than `level`."""
    text, own = (value._text, value._level) if isinstance(value, Expression) else _literal(value)
    return f"({text})" if own < level else text


class Expression:
    """A computation over a table's columns. ``str()`` is its text in the expression language.

    Arithmetic ``+ - * / %``, comparisons, ``& | ~`` for and, or, not, and the functions of the language as methods:
    ``col("x").abs()``, ``col("t").hour("Asia/Tokyo")``. A Python str is a text, not a column: ``col("a") == "b"`` compares with
    the text b.
    """

    __slots__ = ("_level", "_text")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str, level: int = 0) -> None:
        self._text = text
        self._level = level

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"<aipipe.Expression {self._text}>"

    def __aipipe_expression__(self) -> str:
        """The text: what stands for the object in parameters."""
        return self._text

    def __bool__(self) -> bool:
        raise TypeError(
            "an expression has no truth value: write & for and, | for or, ~ for not, and parentheses around comparisons"
        )

    def _two(self, operator: str, level: int, left: Any, right: Any) -> Expression:
        return Expression(f"{_at(left, level)} {operator} {_at(right, level + 1)}", level)

    def _compare(self, operator: str, right: Any) -> Expression:
        return Expression(f"{_at(self, _COMPARE + 1)} {operator} {_at(right, _COMPARE + 1)}", _COMPARE)

    def __add__(self, other: Operand) -> Expression:
        return self._two("+", _SUM, self, other)

    def __radd__(self, other: Operand) -> Expression:
        return self._two("+", _SUM, other, self)

    def __sub__(self, other: Operand) -> Expression:
        return self._two("-", _SUM, self, other)

    def __rsub__(self, other: Operand) -> Expression:
        return self._two("-", _SUM, other, self)

    def __mul__(self, other: Operand) -> Expression:
        return self._two("*", _PRODUCT, self, other)

    def __rmul__(self, other: Operand) -> Expression:
        return self._two("*", _PRODUCT, other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return self._two("/", _PRODUCT, self, other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return self._two("/", _PRODUCT, other, self)

    def __mod__(self, other: Operand) -> Expression:
        return self._two("%", _PRODUCT, self, other)

    def __rmod__(self, other: Operand) -> Expression:
        return self._two("%", _PRODUCT, other, self)

    def __floordiv__(self, other: Operand) -> Expression:
        return Expression(f"floor({self._two('/', _PRODUCT, self, other)})", _ATOM)

    def __pow__(self, other: Operand) -> Expression:
        return function("pow", self, other)

    def __rpow__(self, other: Operand) -> Expression:
        return function("pow", other, self)

    def __neg__(self) -> Expression:
        return Expression(f"-{_at(self, _ATOM)}", _SIGN)

    def __abs__(self) -> Expression:
        return function("abs", self)

    def __eq__(self, other: Operand) -> Expression:  # type: ignore[override]
        return self._compare("=", other)

    def __ne__(self, other: Operand) -> Expression:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: Operand) -> Expression:
        return self._compare("<", other)

    def __le__(self, other: Operand) -> Expression:
        return self._compare("<=", other)

    def __gt__(self, other: Operand) -> Expression:
        return self._compare(">", other)

    def __ge__(self, other: Operand) -> Expression:
        return self._compare(">=", other)

    def __and__(self, other: Operand) -> Expression:
        return self._two("and", _AND, self, other)

    def __rand__(self, other: Operand) -> Expression:
        return self._two("and", _AND, other, self)

    def __or__(self, other: Operand) -> Expression:
        return self._two("or", _OR, self, other)

    def __ror__(self, other: Operand) -> Expression:
        return self._two("or", _OR, other, self)

    def __invert__(self) -> Expression:
        return Expression(f"not {_at(self, _NOT)}", _NOT)

    def is_null(self) -> Expression:
        """Whether it is missing."""
        return Expression(f"{_at(self, _COMPARE + 1)} is null", _COMPARE)

    def is_not_null(self) -> Expression:
        """Whether it is there."""
        return Expression(f"{_at(self, _COMPARE + 1)} is not null", _COMPARE)

    def is_in(self, values: Any) -> Expression:
        """Equal to one of the values. Raises ValueError for none."""
        parts = [_at(value, _OR) for value in values]
        if not parts:
            raise ValueError("is_in: expected at least one value")
        return Expression(f"{_at(self, _COMPARE + 1)} in ({', '.join(parts)})", _COMPARE)

    def between(self, low: Operand, high: Operand) -> Expression:
        """At least `low` and at most `high`."""
        parts = [_at(part, _COMPARE + 1) for part in (self, low, high)]
        return Expression(f"{parts[0]} between {parts[1]} and {parts[2]}", _COMPARE)

    def concat(self, *others: Operand) -> Expression:
        """Texts joined; null when one is."""
        return function("concat", self, *others)

    def cast(self, dtype: str, errors: str = "raise") -> Expression:
        """Made another type; what does not fit is an error, or null with ``errors="null"``."""
        if errors not in ("raise", "null"):
            raise ValueError(f"errors is {errors!r}: expected 'raise' or 'null'")
        if not re.fullmatch(r"[A-Za-z_0-9]+", dtype):
            raise ValueError(f"a type is {dtype!r}: expected a name such as 'float64'")
        return Expression(f"{'cast' if errors == 'raise' else 'try_cast'}({self._text} as {dtype})", _ATOM)

    def __getattr__(self, name: str) -> Any:
        if name not in FUNCTIONS:
            raise AttributeError(f"the expression language has no function {name!r}")
        return lambda *args: function(name, self, *args)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *FUNCTIONS})


# Functions of the language by name (docs/expressions.md says what each does; a test holds the list equal to it).
FUNCTIONS = frozenset(
    """if coalesce nullif least greatest abs sign round floor ceil trunc sqrt exp ln log10 log2 pow sin cos is_nan is_finite
    concat lower upper length trim ltrim rtrim substr left right contains starts_with ends_with replace split_part year month day
    hour minute second weekday dayofyear week quarter date timestamp date_diff epoch""".split()
)


def col(name: str) -> Expression:
    """The column of this name, whatever characters the name has."""
    return Expression(quote_name(name), _ATOM)


def lit(value: Operand) -> Expression:
    """A constant. Only needed where Python would compute itself: ``lit(1) / 3``."""
    return Expression(*_literal(value)) if not isinstance(value, Expression) else value


def expr(text: str) -> Expression:
    """An expression from its text, to be combined with others."""
    return Expression(text)


def function(name: str, *args: Operand) -> Expression:
    """A call of a function of the language: ``function("coalesce", col("a"), 0)``."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name):
        raise ValueError(f"a function is called {name!r}: expected a name")
    return Expression(f"{name}({', '.join(_at(arg, _OR) for arg in args)})", _ATOM)


def when(condition: Expression, value: Operand, otherwise: Optional[Operand] = None) -> Expression:
    """`value` where the condition is true, else `otherwise`."""
    return function("if", condition, value, otherwise)


def text_of(value: Union[str, Expression]) -> str:
    """The text of an expression that is given as text or as an object."""
    return value._text if isinstance(value, Expression) else str(value)
