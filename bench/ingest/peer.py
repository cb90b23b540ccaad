"""One program of bench/ingest in a process of its own: `peer.py PROGRAM read|write DATA FILE THREADS [OUT]`, formats by the names' ends.

Each reads the file into its own typed table in memory, dates and timestamps too, until three times or a second and a half have passed, the table
of the time before let go; or writes a table that it has read first. Prints one line of JSON: seconds and processor seconds of each time, memory
before and at its peak after the first, and the rows, nulls and sums of every column (whole numbers, decimals, days, seconds, bytes of text).
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Callable

MAX_TIMES, ENOUGH = 3, 1.5
Sums = dict[str, tuple[str, int, float]]


def peak_mb() -> float:
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("VmHWM")) * 1024 / 1e6


def of_arrow(table: Any) -> tuple[int, Sums]:
    import pyarrow as pa
    import pyarrow.compute as pc

    sums: Sums = {}
    for name, column in zip(table.column_names, table.columns):
        t = column.type
        if pa.types.is_dictionary(t):
            column, t = column.cast(t.value_type), t.value_type
        if pa.types.is_boolean(t):
            kind, value = "bool", pc.sum(column).as_py()
        elif pa.types.is_date(t):
            kind, value = "date", pc.sum(column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())).as_py()
        elif pa.types.is_timestamp(t):
            kind, value = "timestamp", pc.sum(column.cast(pa.timestamp("s", t.tz)).cast(pa.int64())).as_py()
        elif pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t):
            if pa.types.is_string_view(t):
                column = column.cast(pa.large_string())
            kind, value = "text", pc.sum(pc.binary_length(column)).as_py()
        elif pa.types.is_null(t):
            kind, value = "text", 0
        else:
            kind, value = "number", pc.sum(column).as_py()
        sums[name] = (kind, column.null_count, float(value or 0))
    return table.num_rows, sums


def of_pandas(frame: Any) -> tuple[int, Sums]:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    sums: Sums = {}
    for name in frame.columns:
        column = frame[name]
        nulls = int(column.isna().sum())
        if pd.api.types.is_bool_dtype(column.dtype):
            kind, value = "bool", column.sum()
        elif pd.api.types.is_datetime64_any_dtype(column.dtype):
            whole = column.dropna().dt.as_unit("s").astype("int64")
            kind, value = ("date", (whole // 86400).sum()) if (whole % 86400 == 0).all() else ("timestamp", whole.sum())
        elif pd.api.types.is_numeric_dtype(column.dtype):
            kind, value = "number", column.sum()
        else:
            some = column.dropna()
            if len(some) and isinstance(some.iloc[0], bool):  # with nulls pandas keeps objects
                kind, value = "bool", some.map(bool).sum()
            else:
                kind, value = "text", pc.sum(pc.binary_length(pa.array(some, pa.large_string()))).as_py() or 0
        sums[str(name)] = (kind, nulls, float(value))
    return len(frame), sums


def of_polars(frame: Any) -> tuple[int, Sums]:
    import polars as pl

    sums: Sums = {}
    for column in frame.iter_columns():
        t = column.dtype
        if t == pl.Boolean:
            kind, value = "bool", column.sum()
        elif t == pl.Date:
            kind, value = "date", column.to_physical().cast(pl.Int64).sum()
        elif isinstance(t, pl.Datetime):
            kind, value = "timestamp", column.dt.epoch("s").sum()
        elif t == pl.String:
            kind, value = "text", column.str.len_bytes().cast(pl.Int64).sum()
        else:
            kind, value = "number", column.sum()
        sums[column.name] = (kind, column.null_count(), float(value or 0))
    return frame.height, sums


def of_duckdb(connection: Any) -> tuple[int, Sums]:
    columns = [(name, str(kind)) for name, kind, *_ in connection.execute("DESCRIBE t").fetchall()]
    asked, kinds = ["count(*)"], []
    for name, t in columns:
        quoted = '"' + name.replace('"', '""') + '"'
        if t == "BOOLEAN":
            kind, expression = "bool", f"sum({quoted}::INT)"
        elif t == "DATE":
            kind, expression = "date", f"sum(datediff('day', DATE '1970-01-01', {quoted}))"
        elif t.startswith("TIMESTAMP"):
            kind, expression = "timestamp", f"sum(epoch({quoted})::BIGINT)"
        elif t == "VARCHAR":
            kind, expression = "text", f"sum(strlen({quoted}))"
        else:
            kind, expression = "number", f"sum({quoted}::DOUBLE)"
        asked += [f"count(*) - count({quoted})", expression]
        kinds.append((name, kind))
    row = connection.execute(f"SELECT {', '.join(asked)} FROM t").fetchone()
    return row[0], {name: (kind, int(row[1 + 2 * i]), float(row[2 + 2 * i] or 0)) for i, (name, kind) in enumerate(kinds)}


# Each program: what reads a file, what writes what was read, what sums it. Days and timestamps are named to pandas, which guesses none.
DATES = {"mixed": ["day", "at"], "flights": ["time_hour"]}


def pandas_program(data: str, threads: int) -> tuple[Callable, Callable, Callable]:
    import pandas as pd

    def read(path: str) -> Any:
        if path.endswith(".ndjson"):
            return pd.read_json(path, lines=True)
        if path.endswith(".arrow"):
            return pd.read_feather(path)
        return pd.read_csv(path, parse_dates=DATES.get(data, []))

    def write(frame: Any, path: str) -> None:
        if path.endswith(".ndjson"):
            frame.to_json(path, orient="records", lines=True)
        elif path.endswith(".arrow"):
            frame.to_feather(path, compression="uncompressed")
        else:
            frame.to_csv(path, index=False)

    return read, write, of_pandas


def polars_program(data: str, threads: int) -> tuple[Callable, Callable, Callable]:
    import polars as pl

    if pl.thread_pool_size() != threads:
        sys.exit(f"polars has {pl.thread_pool_size()} threads, not {threads}")

    def read(path: str) -> Any:
        if path.endswith(".ndjson"):
            return pl.read_ndjson(path)
        if path.endswith(".arrow"):
            with open(path, "rb") as file:  # a path would only be mapped, and read by the sums
                return pl.read_ipc(file)
        return pl.read_csv(path, try_parse_dates=True, null_values=["NA"] if data == "flights" else None)

    def write(frame: Any, path: str) -> None:
        if path.endswith(".ndjson"):
            frame.write_ndjson(path)
        elif path.endswith(".arrow"):
            frame.write_ipc(path)
        else:
            frame.write_csv(path)

    return read, write, of_polars


def duckdb_program(data: str, threads: int) -> tuple[Callable, Callable, Callable]:
    import duckdb

    def read(path: str) -> Any:
        connection = duckdb.connect(":memory:", config={"threads": threads})
        if path.endswith(".ndjson"):
            source = f"read_json('{path}', format='newline_delimited')"
        elif data == "flights":
            source = f"read_csv('{path}', nullstr=['', 'NA'])"
        else:
            source = f"read_csv('{path}')"
        connection.execute(f"CREATE TABLE t AS SELECT * FROM {source}")
        return connection

    def write(connection: Any, path: str) -> None:
        connection.execute(f"COPY t TO '{path}' ({'FORMAT json' if path.endswith('.ndjson') else 'FORMAT csv, HEADER'})")

    return read, write, of_duckdb


def pyarrow_program(data: str, threads: int) -> tuple[Callable, Callable, Callable]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.json

    pa.set_cpu_count(threads)
    pa.set_io_thread_count(threads)
    several = threads > 1

    def read(path: str) -> Any:
        if path.endswith(".ndjson"):
            return pa.json.read_json(path, read_options=pa.json.ReadOptions(use_threads=several, block_size=4 << 20))
        if path.endswith(".arrow"):
            with pa.OSFile(path) as file:
                return pa.ipc.open_file(file).read_all()
        return pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(use_threads=several, block_size=4 << 20),
            parse_options=pa.csv.ParseOptions(newlines_in_values=data in ("mixed", "text")),
            convert_options=pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False),
        )

    def write(table: Any, path: str) -> None:
        if path.endswith(".arrow"):
            with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
        else:
            pa.csv.write_csv(table, path)

    return read, write, of_arrow


def aipipe_program(data: str, threads: int) -> tuple[Callable, Callable, Callable]:
    import aipipe as ap
    import pyarrow as pa

    context = ap.Context(threads=threads)

    def read(path: str) -> Any:
        return ap.read(path, context=context).collect()

    return read, lambda table, path: table.write(path), lambda table: of_arrow(pa.table(table))


def main() -> None:
    program, what, data, path, threads, out = (sys.argv[1:] + [""])[:6]
    makers = {
        "pandas": pandas_program,
        "polars": polars_program,
        "duckdb": duckdb_program,
        "pyarrow": pyarrow_program,
        "python": aipipe_program,
    }
    read, write, sums_of = makers[program](data, int(threads))
    import pyarrow.compute  # noqa: F401  what sums need is no part of the read

    table = read(path) if what == "write" else None
    start, peak, spent = peak_mb(), 0.0, 0.0
    seconds: list[float] = []
    cpu: list[float] = []
    while len(seconds) < MAX_TIMES and spent < ENOUGH:
        if what == "read":
            table = None
        elif os.path.exists(out):
            os.remove(out)
        began, cpu_began = time.perf_counter(), time.process_time()
        if what == "read":
            table = read(path)
        else:
            write(table, out)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - cpu_began)
        spent += seconds[-1]
        peak = peak or peak_mb()
    rows, sums = sums_of(table)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "start_mb": start, "peak_mb": peak, "rows": rows, "columns": sums}))


if __name__ == "__main__":
    main()
