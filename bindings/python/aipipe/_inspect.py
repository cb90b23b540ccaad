"""What a table holds, column by column: for people as text and HTML, for programs as a dict."""

from __future__ import annotations

import ctypes
import html
import json
import os
from collections.abc import Sequence
from typing import Any, Optional, Union

from . import _ffi, _show
from ._context import Context, ProgressOption
from ._dataset import Dataset, Path, _json, dataset
from ._ffi import lib
from ._read import read

_BARS = " ▁▂▃▄▅▆▇█"


class Profile:
    """What :func:`inspect` found. ``print()`` and notebooks show it; :meth:`to_dict` is for programs."""

    def __init__(self, found: dict[str, Any], title: str) -> None:
        self._found = found
        self._title = title

    def to_dict(self) -> dict[str, Any]:
        """rows, rejected, columns, head, rejects.

        Of each column: name, type, missing, distinct (up to 10,000) and distinct_is_exact; of numbers, dates and times min and
        max; of numbers mean, quantiles and histogram; of texts and truth values top, the most frequent ones.
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

    def __repr__(self) -> str:
        heads, rows = self._rows()
        table = [heads, *([_cut(cell) for cell in row] for row in rows)]
        widths = [max(len(row[i]) for row in table) for i in range(len(heads))]
        right = (2, 3, 4, 5, 6)
        lines = [f"{self._title}: {self._summary()}", ""]
        for row in table:
            cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
            lines.append("  ".join(cells).rstrip())
        rejects = self._found["rejects"]
        if rejects:
            lines += ["", "rejected:"]
            lines += [f"  {r['source']}:{r['line']}: {r['reason']}" for r in rejects]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads, rows = self._rows()

        def row(tag: str, cells: Sequence[str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(row("td", cells) for cells in rows)
        rejects = "".join(
            f"<li>{html.escape(str(r['source']))}:{r['line']}: {html.escape(str(r['reason']))}</li>"
            for r in self._found["rejects"]
        )
        return (
            f"<p>{html.escape(self._title)}: {html.escape(self._summary())}</p>"
            f"<table><thead>{row('th', heads)}</thead><tbody>{body}</tbody></table>" + (f"<ul>{rejects}</ul>" if rejects else "")
        )


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
    title = "table"
    if isinstance(table, (str, os.PathLike)) or (
        isinstance(table, (list, tuple)) and table and all(isinstance(path, (str, os.PathLike)) for path in table)
    ):
        title = os.fspath(table) if isinstance(table, (str, os.PathLike)) else ", ".join(map(os.fspath, table))
        found = read(table, context=context, **{"on_bad_row": "reject", **options})
    elif options:
        raise TypeError(f"inspect: {sorted(options)[0]!r} is an option of files, and {type(table).__name__} is none")
    else:
        found = dataset(table, context=context)
    params = _json({"head": head, "rejects": rejects, "top": top})
    out = ctypes.c_char_p()

    def work(call: Any) -> None:
        _ffi.call(lib.aip_dataset_profile, found._handle, params, call, ctypes.byref(out))

    found._context._run(work, progress, timeout)
    return Profile(json.loads(_ffi.text_of(found._context._handle, out)), title)
