"""Tables of 10 million rows from and to pandas, polars, pyarrow and NumPy: time, and memory that each crossing adds.

    AIPIPE_LIBRARY=build/libaipipe.so.0 PYTHONPATH=bindings/python python bench/python/tables.py [rows]

Each line is a process of its own. Memory is the growth of the resident set across the crossing, at its end and at its peak, against
the table's own size; "ours" is what the context counts.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time

KINDS = ("numbers", "with nulls", "with text")


def resident() -> float:
    """MB in use now."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * resource.getpagesize() / 1e6


def arrow(kind: str, n: int):
    """Three columns of numbers; with a tenth of them missing; or with a column of text beside."""
    import numpy as np
    import pyarrow as pa

    i = np.arange(n)
    mask = (i % 10 == 0) if kind == "with nulls" else None
    columns = {"i": pa.array(i, mask=mask), "f": pa.array(i / 7, mask=mask), "g": pa.array(i * 0.5, mask=mask)}
    if kind == "with text":
        columns["s"] = pa.array(np.char.add("word ", (i % 1000).astype("U")).astype(object))
    return pa.table(columns)


def measure(library: str, kind: str, n: int, out) -> None:
    """One table of one library, in and out."""
    import aipipe as ap

    table = arrow(kind, n)
    if library == "pandas":
        table = table.to_pandas()
    elif library == "polars":
        import polars

        table = polars.from_arrow(table)
    elif library == "numpy":
        import numpy as np

        table = {name: table[name].to_numpy() for name in table.column_names}
        assert all(isinstance(column, np.ndarray) for column in table.values())
    size = (
        int(table.memory_usage(index=False, deep=False).sum())
        if library == "pandas"
        else sum(c.nbytes for c in table.values())
        if library == "numpy"
        else table.estimated_size()
        if library == "polars"
        else table.nbytes
    ) / 1e6
    context = ap.Context()
    with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
        stream.write("5")  # the peak begins anew
    before, start = resident(), time.perf_counter()
    ours = ap.dataset(table, context=context)
    seconds = time.perf_counter() - start
    added, held = resident() - before, context.memory_used / 1e6
    before, start = resident(), time.perf_counter()
    back = {"pandas": ours.to_pandas, "polars": ours.to_polars, "pyarrow": ours.to_arrow, "numpy": lambda: ours.to_numpy("f")}[
        library
    ]()
    out_seconds, out_added = time.perf_counter() - start, resident() - before
    assert len(back) == n
    out.put((library, kind, size, seconds, added, held, out_seconds, out_added))


def main() -> None:
    """Prints the table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    print(f"{n:,} rows         table MB   in: s   + MB  ours MB   out: s   + MB")
    for library in ("pyarrow", "polars", "pandas", "numpy"):
        for kind in KINDS:
            if library == "numpy" and kind != "numbers":
                continue
            out = multiprocessing.get_context("spawn").Queue()
            process = multiprocessing.get_context("spawn").Process(target=measure, args=(library, kind, n, out))
            process.start()
            name, kind, size, seconds, added, held, out_seconds, out_added = out.get(timeout=600)
            process.join()
            print(
                f"{name:8} {kind:11} {size:8.0f} {seconds:8.3f} {added:6.0f} {held:8.1f} {out_seconds:8.3f} {out_added:6.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
