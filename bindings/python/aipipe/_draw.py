"""A DAG as text and as a drawing (SVG) for notebooks: tasks in columns, each to the right of all that it waits for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Optional

_CELL, _BOX, _STEP, _TALL = 7.2, 28, 46, 32  # pixels: a character, a box's height, from row to row, from column to column
_COLORS = {
    "success": "#2e7d32",
    "cached": "#2e7d32",
    "running": "#1565c0",
    "failed": "#c62828",
    "timed_out": "#c62828",
    "lost": "#c62828",
    "cancelled": "#ef6c00",
    "upstream_failed": "#ef6c00",
}


def levels(tasks: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many tasks lie on the longest way to each task. `tasks`: dicts with `task` and `after`, without a cycle."""
    level: dict[str, int] = {}
    waiting = list(tasks)
    while waiting:
        left = []
        for task in waiting:
            if all(name in level for name in task["after"]):
                level[task["task"]] = 1 + max((level[name] for name in task["after"]), default=-1)
            else:
                left.append(task)
        if len(left) == len(waiting):
            raise ValueError(f"task {left[0]['task']!r} waits for itself")
        waiting = left
    return level


def text(rows: Sequence[Sequence[str]], heading: str) -> str:
    """A heading, and rows of cells in columns under it."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([heading, *("  " + line for line in lines)])


def svg(tasks: Sequence[Mapping[str, Any]], states: Optional[Mapping[str, str]] = None) -> str:
    """The drawing. states: of a run, {task: state}; they give the boxes their colours."""
    level = levels(tasks)
    columns: list[list[Mapping[str, Any]]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for task in tasks:
        columns[level[task["task"]]].append(task)
    place: dict[str, tuple[float, float, float]] = {}  # left, top, width
    x, lines, boxes = 4.0, [], []
    for column in columns:
        width = 16 + _CELL * max(max(len(task["task"]), len(task["operator"])) for task in column)
        for row, task in enumerate(column):
            place[task["task"]] = (x, 4 + row * _STEP, width)
        x += width + _TALL
    for task in tasks:
        left, top, width = place[task["task"]]
        for before in task["after"]:
            from_left, from_top, from_width = place[before]
            x0, y0, x1, y1 = from_left + from_width, from_top + _BOX / 2, left, top + _BOX / 2
            middle = (x0 + x1) / 2
            lines.append(f'<path d="M{x0:.0f} {y0:.0f}C{middle:.0f} {y0:.0f} {middle:.0f} {y1:.0f} {x1:.0f} {y1:.0f}"/>')
        state = (states or {}).get(task["task"], "")
        about = html.escape(" ".join(filter(None, (task["operator"], state))))
        boxes.append(
            f'<g transform="translate({left:.0f} {top:.0f})"><title>{about}</title>'
            f'<rect width="{width:.0f}" height="{_BOX}" rx="4" fill="none" stroke="{_COLORS.get(state, "#888")}"/>'
            f'<text x="8" y="12" fill="currentColor">{html.escape(task["task"])}</text>'
            f'<text x="8" y="24" fill="#888">{html.escape(state or task["operator"])}</text></g>'
        )
    height = 8 + _STEP * max(map(len, columns), default=0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{x:.0f}" height="{height}" font-family="monospace" font-size="11">'
        f'<g fill="none" stroke="#888">{"".join(lines)}</g>{"".join(boxes)}</svg>'
    )
