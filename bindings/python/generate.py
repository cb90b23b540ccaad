#!/usr/bin/env python3
"""Writes aipipe/_catalog.py: one class for each stage and model of the library's catalogue.

    aipipe catalog --json | bindings/python/generate.py            # writes the file
    aipipe catalog --json | bindings/python/generate.py --check    # only compares; exit status 1 when it differs

The catalogue is the source: names, types, defaults and documentation of parameters come from it alone. What is said here
besides is how Python spells them, and which attributes a fit sets.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import Any

TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "aipipe", "_catalog.py")

HEADER = '''"""The stages and models of the library's catalogue as classes.

Written by bindings/python/generate.py: not edited by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Optional, Union

from . import _estimator
'''

# Names that Python keeps for itself.
PYTHON_NAMES = {"with": "right"}

INPUT_DOC = {"join": {"with": "the table whose columns are added"}}

# The class of _estimator.py that each one builds on, when it is more than its kind's.
BASES = {
    "standard_scaler": "StandardScalerBase",
    "simple_imputer": "SimpleImputerBase",
    "one_hot_encoder": "OneHotEncoderBase",
    "derive": "DeriveBase",
    "logistic_regression": "LogisticRegressionBase",
}

# Stages that keep rows and have nothing to learn.
STATELESS = {"cast", "drop", "rename", "select"}

# What a fit sets beside n_features_in_ and feature_names_in_.
ATTRIBUTES = {
    "standard_scaler": [
        ("mean_", "array of the means; None without with_mean and with_std"),
        ("var_", "array of the variances (ddof 0); None without with_std"),
        ("scale_", "array of what is divided by; None without with_std"),
        ("n_samples_seen_", "rows with a value: one number, or an array where columns differ"),
    ],
    "simple_imputer": [
        ("statistics_", "array of what replaces missing values; NaN for a column that is left out"),
        ("indicator_features_", "array of the positions of the columns that get an indicator; None without add_indicator"),
    ],
    "one_hot_encoder": [
        ("categories_", "list of arrays: the categories of each encoded column, ascending"),
        ("drop_idx_", "array of the positions of the categories that are left out, None where none is; None without drop"),
    ],
    "logistic_regression": [
        ("classes_", "array of the two classes, ascending"),
        ("coef_", "array (1, n_features)"),
        ("intercept_", "array (1,)"),
        ("n_iter_", "array (1,): Newton steps"),
    ],
}


def class_name(name: str) -> str:
    """standard_scaler -> StandardScaler."""
    return "".join(part.capitalize() for part in name.split("_"))


def python_type(param: dict[str, Any]) -> str:
    """The annotation for a parameter."""
    kind = param["type"]
    if kind == "choice":
        hint = "Literal[" + ", ".join(json.dumps(choice) for choice in param["choices"]) + "]"
    else:
        hint = {
            "bool": "bool",
            "int": "int",
            "float": "float",
            "string": "str",
            "strings": "Union[str, Sequence[str]]",
            "columns": "Union[str, Sequence[str]]",
            "object": "Mapping[str, Any]",
            "list": "Sequence[Any]",
            "any": "Any",
            "duration": "Union[float, str]",
        }[kind]
    return f"Optional[{hint}]" if param.get("nullable") and hint != "Any" else hint


def spelled_type(param: dict[str, Any]) -> str:
    """The type in words, for the documentation."""
    kind = param["type"]
    if kind == "choice":
        text = "{" + ", ".join(json.dumps(choice) for choice in param["choices"]) + "}"
    else:
        text = {
            "string": "str",
            "strings": "str or list of str",
            "columns": 'list of names, "numeric", "text", "all", or a pattern with * and ?',
            "object": "dict",
            "duration": 'seconds, or a text such as "5m"',
        }.get(kind, kind)
    return text + " or None" if param.get("nullable") and kind != "any" else text


def python_value(value: Any) -> str:
    """A default as Python source."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and not value:
        return "()"
    return repr(value)


def bounds(param: dict[str, Any]) -> str:
    """The range in words; "" for none."""
    words = []
    if "minimum" in param:
        words.append(f"{'above' if param.get('minimum_excluded') else 'at least'} {param['minimum']}")
    if "maximum" in param and param["maximum"] < 1e300:
        words.append(f"{'below' if param.get('maximum_excluded') else 'at most'} {param['maximum']}")
    return " and ".join(words)


def paragraph(text: str, indent: int) -> list[str]:
    """Text as indented lines."""
    return textwrap.wrap(text, 120, initial_indent=" " * indent, subsequent_indent=" " * indent, break_long_words=False)


def sentence(text: str) -> str:
    """Text with a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else text + "."


def documented(entry: dict[str, Any], inputs: list[str], params: list[dict[str, Any]]) -> list[str]:
    """The class's docstring."""
    name = entry["name"]
    lines = paragraph(f'    """{sentence(entry["doc"])}', 0)
    lines[1:] = [f"    {line}" for line in lines[1:]]
    if entry.get("rows", "same") != "same":
        what = "drops rows" if entry["rows"] == "fewer" else "adds or reorders rows"
        lines += ["", f"    It {what}: it transforms datasets and tables, and no package can hold it."]
    if inputs or params:
        lines += ["", "    Parameters", "    ----------"]
    for given in inputs:
        lines.append(f"    {PYTHON_NAMES.get(given, given)} : Dataset, or what aipipe.dataset takes")
        lines += paragraph(sentence(INPUT_DOC.get(name, {}).get(given, "")), 8)
    for param in params:
        if param["name"] == "*":
            lines.append("    **columns")
            lines += paragraph(sentence(param["doc"]), 8)
            continue
        default = "" if param.get("required") else f", default={python_value(param['default'])}"
        lines.append(f"    {PYTHON_NAMES.get(param['name'], param['name'])} : {spelled_type(param)}{default}")
        limits = bounds(param)
        lines += paragraph(sentence(param["doc"]) + (f" {sentence(limits)}" if limits else ""), 8)
    if name in ATTRIBUTES:
        lines += ["", "    Attributes", "    ----------"]
        for attribute, doc in ATTRIBUTES[name]:
            lines.append(f"    {attribute}")
            lines += paragraph(sentence(doc), 8)
    return [*lines, '    """']


def signature(entry: dict[str, Any], inputs: list[str], params: list[dict[str, Any]]) -> list[str]:
    """__init__: named inputs, what is required, and the shorthand's parameter may be given by position."""
    front = [(PYTHON_NAMES.get(given, given), "Any", None) for given in inputs]
    behind = []
    for param in params:
        default = None if param.get("required") else python_value(param["default"])
        one = (PYTHON_NAMES.get(param["name"], param["name"]), python_type(param), default)
        (front if param.get("required") or param["name"] == entry.get("shorthand") else behind).append(one)

    def text(one: tuple[str, str, Any]) -> str:
        return f"{one[0]}: {one[1]}" + ("" if one[2] is None else f" = {one[2]}")

    parts = ["self", *map(text, front), *(["*"] if behind else []), *map(text, behind)]
    line = f"    def __init__({', '.join(parts)}) -> None:"
    lines = [line] if len(line) <= 128 else ["    def __init__(", *(f"        {part}," for part in parts), "    ) -> None:"]
    return lines + [f"        self.{one[0]} = {one[0]}" for one in [*front, *behind]]


def render_class(entry: dict[str, Any]) -> str:
    """One class."""
    name, stage = entry["name"], entry["kind"] == "stage"
    inputs, params = entry.get("inputs", []), entry["params"]
    rows = entry.get("rows", "same")
    stateless = name in STATELESS
    kind = ("StatelessBase" if stateless else "Transformer" if rows == "same" else "RowStage") if stage else "Classifier"
    base = BASES.get(name, kind)
    lines = [f"class {class_name(name)}(_estimator.{base}):", *documented(entry, inputs, params), "", f'    _name = "{name}"']
    if inputs:
        lines.append(f"    _inputs: ClassVar = { ({PYTHON_NAMES.get(given, given): given for given in inputs})!r}")
    required = [PYTHON_NAMES.get(g, g) for g in inputs] + [p["name"] for p in params if p.get("required")]
    if required:
        lines.append(f"    _required_parameters = {tuple(required)!r}".replace("'", '"'))
    if not any(param["name"] == "*" for param in params):
        lines += ["", *signature(entry, inputs, params)]
    return "\n".join(lines).replace("'with'", '"with"').replace("'right'", '"right"') + "\n"


def render(catalogue: list[dict[str, Any]]) -> str:
    """The whole file, from the catalogue's list."""
    entries = [entry for entry in catalogue if entry["kind"] in ("stage", "model")]
    names = sorted(class_name(entry["name"]) for entry in entries)
    body = "\n\n".join(render_class(entry) for entry in sorted(entries, key=lambda e: class_name(e["name"])))
    listed = "\n".join(f'    "{name}",' for name in names)
    return f"{HEADER}\n__all__ = [\n{listed}\n]\n\n\n{body}"


def main() -> int:
    """Writes or compares; the exit status."""
    text = render(json.load(sys.stdin))
    if "--check" in sys.argv[1:]:
        with open(TARGET, encoding="utf-8") as file:
            same = file.read() == text
        if not same:
            print(
                f"{TARGET} is not what the catalogue says: aipipe catalog --json | bindings/python/generate.py", file=sys.stderr
            )
        return 0 if same else 1
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
