"""A table as text and as HTML, for people."""

from __future__ import annotations

import datetime
import html
import shutil
from collections.abc import Sequence
from typing import Any

_WIDEST = 32  # characters of a cell; the rest is cut, with an ellipsis
_WIDTH = 130  # characters of a line where no terminal says how many it has; the middle columns are left out


def cell(value: Any) -> str:
    """One value, short."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.6g}" if value == value else "nan"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _cut(text: str) -> str:
    text = text.replace("\n", "⏎").replace("\r", "").replace("\t", " ")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def text_table(names: Sequence[str], dtypes: Sequence[str], columns: Sequence[Sequence[Any]], more: str = "") -> str:
    """Columns side by side under name and type; numbers to the right. more: a last line."""
    pieces = []
    for name, dtype, values in zip(names, dtypes, columns):
        right = dtype.startswith(("int", "float", "decimal"))
        lines = [_cut(name), dtype, *(_cut(cell(value)) for value in values)]
        width = max(map(len, lines))
        pieces.append([line.rjust(width) if right else line.ljust(width) for line in lines])
    rows = ["  ".join(row).rstrip() for row in zip(*_fitting(pieces, shutil.get_terminal_size((_WIDTH, 0)).columns))]
    return "\n".join(rows + ([more] if more else []))


def _fitting(pieces: list[list[str]], most: int) -> list[list[str]]:
    """The columns of a table, without those in the middle that make it wider than `most`; the first and the last always stay."""
    widths = [len(lines[0]) + 2 for lines in pieces]
    n = len(pieces)
    if n < 3 or sum(widths) - 2 <= most:
        return pieces
    left, right, width = 1, 1, widths[0] + widths[-1] + 1
    while left + right < n:
        at = left if left <= right else n - 1 - right
        width += widths[at]
        if width > most:
            break
        left, right = (left + 1, right) if left <= right else (left, right + 1)
    return [*pieces[:left], ["…"] * len(pieces[0]), *pieces[n - right :]] if left + right < n else pieces


def html_table(names: Sequence[str], dtypes: Sequence[str], columns: Sequence[Sequence[Any]], more: str = "") -> str:
    """The same as an HTML table."""

    def row(tag: str, cells: Sequence[str], align: Sequence[str]) -> str:
        return (
            "<tr>" + "".join(f'<{tag} style="text-align: {a}">{html.escape(c)}</{tag}>' for c, a in zip(cells, align)) + "</tr>"
        )

    align = ["right" if dtype.startswith(("int", "float", "decimal")) else "left" for dtype in dtypes]
    lines = ["<table>", "<thead>", row("th", names, align), row("th", dtypes, align), "</thead>", "<tbody>"]
    lines += [row("td", [_cut(cell(value)) for value in values], align) for values in zip(*columns)]
    lines += ["</tbody>", "</table>"]
    if more:
        lines.append(f"<p>{html.escape(more)}</p>")
    return "\n".join(lines)
