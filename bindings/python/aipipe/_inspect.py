"""What a table holds, column by column: for people as text and HTML, for programs as a dict."""

from __future__ import annotations

import ctypes
import html
import json
import os
from collections.abc import Sequence
from typing import Any, Optional, Union

from . import _ffi, _show
from ._context import Context, ProgressOption, default_context
from ._dataset import Dataset, Path, _json, dataset
from ._errors import DataError, Error, ParamError, SchemaError
from ._ffi import lib
from ._read import read

_BARS = " ▁▂▃▄▅▆▇█"


class Profile:
    """What :func:`inspect` found. ``print()`` and notebooks show it; :meth:`to_dict` is for programs."""

    def __init__(self, found: dict[str, Any], title: str, call: str = "") -> None:
        self._found = found
        self._title = title
        self._call = call

    def to_dict(self) -> dict[str, Any]:
        """rows, rejected, columns, head, rejects; of files also explained.

        Of each column: name, type, missing, distinct (up to 10,000) and distinct_is_exact; of numbers, dates and times min and
        max; of numbers mean, quantiles and histogram (of the finite ones); of texts and truth values top, the most frequent ones.

        explained is what reading makes of the first file and why: path and format; of CSV encoding, line_end, dialect, why,
        tried (dialects by their score), sampled_rows, columns with the cell that gave each its type (because), faults, and
        options: what :func:`aipipe.read_csv` has to be given.
        """
        found: dict[str, Any] = json.loads(json.dumps(self._found))
        return found

    def __getitem__(self, column: str) -> dict[str, Any]:
        for entry in self._found["columns"]:
            if entry["name"] == column:
                return dict(entry)
        raise KeyError(f"no column {column!r}: there are {', '.join(entry['name'] for entry in self._found['columns'])}")

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        heads = ["column", "type", "missing", "distinct", "min", "mean", "max", "what is in it"]
        return heads, [self._row(entry) for entry in self._found["columns"]]

    def _row(self, entry: dict[str, Any]) -> list[str]:
        rows = self._found["rows"]
        missing = entry["missing"]
        share = f"{missing:,} ({100 * missing / rows:.3g} %)" if missing and rows else str(missing)
        distinct = entry.get("distinct")
        if distinct is None:
            count = ""
        else:
            count = f"{distinct:,}" if entry.get("distinct_is_exact", True) else f"over {distinct:,}"
        ends = [_show.cell(entry[key]) if entry.get(key) is not None else "" for key in ("min", "mean", "max")]
        return [entry["name"], entry["type"], share, count, *ends, self._contents(entry)]

    def _contents(self, entry: dict[str, Any]) -> str:
        histogram = entry.get("histogram")
        if histogram and max(histogram) > 0:
            most = max(histogram)
            return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in histogram)
        return ", ".join(f"{_show.cell(top['value'])} ({top['count']:,})" for top in entry.get("top", []))

    def _summary(self) -> str:
        found = self._found
        text = f"{found['rows']:,} rows, {len(found['columns'])} columns"
        return text + (f", {found['rejected']:,} rows rejected" if found["rejected"] else "")

    def _explained(self) -> list[tuple[list[str], list[list[str]]]]:
        """Tables that explain a file which is not as reading expects it; of others none."""
        e = self._found.get("explained", {})
        if not (e.get("options") or e.get("faults") or (self._found["rejected"] and "dialect" in e)):
            return []
        why, scores = e["why"], [f"{t['score']:.2f} for {_mark(t['delimiter'])}" for t in _best(e["tried"])]
        dialect = [["encoding", e["encoding"], why.get("encoding", "")]]
        dialect += [
            [name, _mark(value), ", ".join(scores) if name == "delimiter" and scores else why.get(name, "")]
            for name, value in e["dialect"].items()
        ]
        tables = [(["dialect", "found", "why"], dialect), (["type of", "is", "because of"], [_because(c) for c in e["columns"]])]
        if e["faults"]:
            faults = [[f["what"], f"{f['count']:,} of {e['sampled_rows']:,}", f"line {f['first_line']}"] for f in e["faults"]]
            tables.append((["faults", "rows of the sample", "first"], faults))
        return tables

    def __repr__(self) -> str:
        lines = []
        for heads, rows in self._explained():
            lines += [*_text(heads, rows), ""]
        if lines and self._call:
            lines += [f"read it with {self._call}", ""]
        return "\n".join(lines + self._profile_lines())

    def _profile_lines(self) -> list[str]:
        heads, rows = self._rows()
        lines = [f"{self._title}: {self._summary()}", "", *_text(heads, rows, right=(2, 3, 4, 5, 6))]
        rejects = self._found["rejects"]
        if rejects:
            lines += ["", "rejected:"]
            lines += [f"  {r['source']}:{r['line']}: {r['reason']}" for r in rejects]
        return lines

    def _repr_html_(self) -> str:
        rejects = "".join(
            f"<li>{html.escape(str(r['source']))}:{r['line']}: {html.escape(str(r['reason']))}</li>"
            for r in self._found["rejects"]
        )
        explained = "".join(_html(heads, rows) for heads, rows in self._explained())
        if explained and self._call:
            explained += f"<p>read it with <code>{html.escape(self._call)}</code></p>"
        return (
            explained
            + f"<p>{html.escape(self._title)}: {html.escape(self._summary())}</p>"
            + _html(*self._rows())
            + (f"<ul>{rejects}</ul>" if rejects else "")
        )


def _text(heads: list[str], rows: list[list[str]], right: Sequence[int] = ()) -> list[str]:
    table = [heads, *([_cut(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(heads))]
    return [
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip() for row in table
    ]


def _html(heads: list[str], rows: list[list[str]]) -> str:
    def row(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table><thead>{row('th', heads)}</thead><tbody>{''.join(row('td', cells) for cells in rows)}</tbody></table>"


def _mark(value: Any) -> str:
    if isinstance(value, str):
        return {"\t": "tab", " ": "blank"}.get(value, value)
    return "none" if value is None else json.dumps(value)


def _best(tried: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The three best delimiters, each once."""
    first: dict[str, dict[str, Any]] = {}
    for one in tried:
        first.setdefault(one["delimiter"], one)
    return list(first.values())[:3]


def _because(column: dict[str, Any]) -> list[str]:
    because = column.get("because")
    if because is None:
        return [column["name"], column["type"], "nothing but nulls in the sample"]
    before = f" ({because['before']} before it)" if because["before"] else ""
    return [column["name"], column["type"], f"line {because['line']}: {_cut(because['text'])!r}{before}"]


def _cut(text: str) -> str:
    text = text.replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return text if len(text) <= 40 else text[:39] + "…"


def inspect(
    table: Union[Path, Sequence[Path], Dataset, Any],
    *,
    head: int = 5,
    rejects: int = 5,
    top: int = 3,
    progress: ProgressOption = None,
    timeout: Optional[float] = None,
    context: Optional[Context] = None,
    **options: Any,
) -> Profile:
    """What a table or file holds, from one pass in bounded memory.

    Of a file that is not as :func:`aipipe.read_csv` expects it, it also shows which dialect was found out and why, which cell
    gave each column its type, what is wrong with rows, and the call that reads it so: `detect` is ``"all"`` unless `options`
    say otherwise.

    Args:
        table: a path, a list of paths, a pattern; or a dataset or what :func:`aipipe.dataset` takes.
        head: how many first rows to keep.
        rejects: how many rejected records to keep. Rows of files that do not fit are rejected, unless `options` say otherwise.
        top: how many of the most frequent texts to keep.
        progress: as in :meth:`Dataset.collect`.
        timeout: seconds after which :class:`aipipe.Timeout` is raised.
        context: the context to make it from; None: the default one.
        **options: of :func:`aipipe.read_csv`, for files.
    """
    title, call, explained = "table", "", None
    if isinstance(table, (str, os.PathLike)) or (
        isinstance(table, (list, tuple)) and table and all(isinstance(path, (str, os.PathLike)) for path in table)
    ):
        title = os.fspath(table) if isinstance(table, (str, os.PathLike)) else ", ".join(map(os.fspath, table))
        params = {"path": table, "on_bad_row": "reject", **options}
        context = context or default_context()
        explained = _explain_found(context, params)
        if not explained and "on_bad_row" not in options:  # a format without bad rows, as Arrow, does not take it
            without = {name: value for name, value in params.items() if name != "on_bad_row"}
            explained = _explain_found(context, without)
            params = without if explained else params
        if explained and "dialect" in explained:
            shown = {name: value for name, value in options.items() if name not in ("detect", "format")}
            call = _call(table, {**shown, **explained["options"]})
        needed = {
            name: value
            for name, value in (explained or {}).get("options", {}).items()
            if name in ("duplicate_names", "quote_errors") and name not in options
        }
        try:
            found = read(context=context, **params)
        except (DataError, SchemaError):
            if not needed:  # without them there is no table to show
                raise
            found = read(context=context, **{**params, **needed})
        except ParamError as error:
            if error.parameter != "on_bad_row" or "on_bad_row" in options:
                raise
            del params["on_bad_row"]
            found = read(context=context, **params)
    elif options:
        raise TypeError(f"inspect: {sorted(options)[0]!r} is an option of files, and {type(table).__name__} is none")
    else:
        found = dataset(table, context=context)
    wanted = _json({"head": head, "rejects": rejects, "top": top})
    out = ctypes.c_char_p()

    def work(handle: Any) -> None:
        _ffi.call(lib.aip_dataset_profile, found._handle, wanted, handle, ctypes.byref(out))

    found._context._run(work, progress, timeout)
    profile = json.loads(_ffi.text_of(found._context._handle, out))
    _take_floats(profile)
    if explained:
        profile["explained"] = explained
    return Profile(profile, title, call)


def _take_floats(profile: dict[str, Any]) -> None:
    """Makes floats of the texts that stand for infinities and NaN in columns of floats."""
    for column in profile["columns"]:
        if not column["type"].startswith("float"):
            continue
        _floats_at(column, ("min", "mean", "max"))
        _floats_at(column.get("quantiles", {}), ("0.05", "0.25", "0.5", "0.75", "0.95"))
        for row in profile["head"]:
            _floats_at(row, (column["name"],))


def _floats_at(values: dict[str, Any], names: Sequence[str]) -> None:
    for name in names:
        if isinstance(values.get(name), str):
            values[name] = float(values[name])


def _explain_found(context: Context, params: dict[str, Any]) -> Optional[dict[str, Any]]:
    """With the dialect found out, which is then in params, where the format has one to find out and nothing else is said."""
    if "detect" in params:
        return _explain(context, params)
    explained = _explain(context, {**params, "detect": "all"})
    if explained:
        params["detect"] = "all"
        return explained
    return _explain(context, params)


def _explain(context: Context, params: dict[str, Any]) -> Optional[dict[str, Any]]:
    """None: nothing can be said of it (a connector's path, a pipe), and reading it says why if that is an error."""
    out = ctypes.c_char_p()
    given = _json(params)
    try:
        context._run(lambda call: _ffi.call(lib.aip_read_explain, context._handle, given, ctypes.byref(out)))
    except Error:
        return None
    explained: dict[str, Any] = json.loads(_ffi.text_of(context._handle, out))
    return explained


def _call(table: Any, options: dict[str, Any]) -> str:
    paths = [os.fspath(table)] if isinstance(table, (str, os.PathLike)) else [[os.fspath(path) for path in table]]
    return f"read_csv({', '.join([repr(paths[0]), *(f'{name}={value!r}' for name, value in options.items())])})"
