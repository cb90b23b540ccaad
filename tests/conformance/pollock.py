"""Pollock (github HPI-Information-Systems/Pollock; Vitagliano et al., VLDB 2023): 2,289 damaged versions of one table and the source itself, each
with the clean table and its loading parameters. Prints the benchmark's simple score (0 to 10) of this library beside those of the peers that are
installed: with the parameters given, each called as the benchmark's own scripts call it; with nothing given but flags that say what becomes of bad
rows (and, of this library, that the dialect is found out, also with fewer flags, and with the options that its inspect proposes); and bare, with
no option at all.

    pollock.py [FOLDER] [--only REGEX] [--systems NAME,...] [--worst N] [--least SCORE_WITH SCORE_WITHOUT]

FOLDER holds the benchmark's polluted_files/ and pollock/; its files are used where they lie. The score is made of the benchmark's own
measures and its own pollock/data_types.py. Exit status 77 (skipped) when the files or the packages that data_types.py needs are missing.
"""

from __future__ import annotations

import argparse
import collections
import csv
import functools
import importlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from typing import Any, Callable

SKIPPED = 77
Reader = Callable[[str, dict[str, Any], str], None]


def parameters(folder: str, name: str) -> dict[str, Any]:
    """As the benchmark's load_parameters gives them to each system."""
    with open(os.path.join(folder, "parameters", name + "_parameters.json"), encoding="utf-8") as stream:
        p = json.load(stream)
    names = [c.strip() for c in p["column_names"]] or [f"col_{i}" for i in range(max(int(p["n_columns"]), 1))]
    return {
        "encoding": p["encoding"],
        "delimiter": p["delimiter"] or ",",
        "quote": p["quotechar"] or '"',
        "escape": p["escapechar"] or '"',
        "row_delimiter": p["row_delimiter"],
        "header_lines": int(p["header_lines"]),
        "preamble": int(p["preamble_lines"]),
        "names": names,
    }


# ---- the systems ---------------------------------------------------------------------------------------------------------------


def ours(path: str, p: dict[str, Any], out: str) -> None:
    import aipipe as ap

    ap.read(
        path,
        format="csv",
        delimiter=p["delimiter"][0],
        quote=p["quote"],
        escape=None if p["escape"] == p["quote"] else p["escape"],
        encoding=p["encoding"],
        names=unique(p["names"]),
        header=False,
        skip_rows=p["preamble"] + p["header_lines"],
        types={name: "utf8" for name in unique(p["names"])},
        ragged="truncate",
        quote_errors="repair",
        on_bad_row="reject",
    ).write_csv(out)


def ours_auto(path: str, p: dict[str, Any], out: str) -> None:
    import aipipe as ap

    ap.read(path, format="csv", detect="all", ragged="truncate", quote_errors="repair", on_bad_row="reject").write_csv(out)


def ours_detect(path: str, p: dict[str, Any], out: str) -> None:
    import aipipe as ap

    ap.read(path, format="csv", detect="all").write_csv(out)


def ours_reject(path: str, p: dict[str, Any], out: str) -> None:
    import aipipe as ap

    ap.read(path, format="csv", detect="all", on_bad_row="reject").write_csv(out)


def ours_proposed(path: str, p: dict[str, Any], out: str) -> None:
    import aipipe as ap

    ap.read(path, format="csv", **ap.inspect(path, format="csv").to_dict()["explained"]["options"]).write_csv(out)


def ours_bare(path: str, p: dict[str, Any], out: str) -> None:
    import aipipe as ap

    ap.read(path, format="csv").write_csv(out)


def unique(names: Iterable[str]) -> list[str]:
    seen: collections.Counter[str] = collections.Counter()
    made = []
    for name in names:
        seen[name] += 1
        made.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return made


def duckdb_given(path: str, p: dict[str, Any], out: str) -> None:
    import duckdb

    duckdb.connect().read_csv(
        path,
        delimiter=p["delimiter"],
        quotechar=p["quote"],
        escapechar=p["escape"],
        skiprows=p["preamble"] + p["header_lines"],
        header=False,
        columns={name: "VARCHAR" for name in p["names"]},
        auto_detect=False,
        strict_mode=False,
        ignore_errors=True,
        null_padding=True,
        parallel=False,  # later versions refuse quoted line ends in parallel with null_padding
    ).df().to_csv(out, index=False)


def duckdb_auto(path: str, p: dict[str, Any], out: str) -> None:
    import duckdb

    duckdb.connect().read_csv(path, strict_mode=False, ignore_errors=True, null_padding=True, parallel=False).df().to_csv(
        out, index=False
    )


def duckdb_bare(path: str, p: dict[str, Any], out: str) -> None:
    import duckdb

    duckdb.connect().read_csv(path).df().to_csv(out, index=False)


def pandas(path: str, p: dict[str, Any], out: str) -> None:
    import pandas as pd

    options: dict[str, Any] = {"header": "infer", "encoding": p["encoding"]}  # its script has the delimiter be ","
    if p["quote"] != '"':
        options["quotechar"] = p["quote"][0]
    if p["escape"] != p["quote"]:
        options.update(escapechar=p["escape"][0], doublequote=False)
    if p["row_delimiter"] and p["row_delimiter"] != "\r\n":
        options["lineterminator"] = p["row_delimiter"][0]
    if p["preamble"]:
        options["skiprows"] = p["preamble"]
    pd.read_csv(path, dtype=object, on_bad_lines="skip", engine="c", **options).to_csv(out, index=False)


def polars(path: str, p: dict[str, Any], out: str) -> None:
    import polars as pl

    pl.read_csv(
        path,
        separator=p["delimiter"][0],
        quote_char=p["quote"],
        has_header=False,
        new_columns=unique(p["names"]),
        skip_lines=p["preamble"] + p["header_lines"],
        infer_schema=False,
        truncate_ragged_lines=True,
        ignore_errors=True,
    ).write_csv(out)


def python_csv(path: str, p: dict[str, Any], out: str) -> None:
    with open(path, newline="", encoding=p["encoding"]) as stream:
        dialect = csv.Sniffer().sniff(stream.read())
        stream.seek(0)
        rows = list(csv.reader(stream, dialect))
    with open(out, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)


SYSTEMS: dict[str, tuple[str, Reader, str]] = {
    "aipipe": ("aipipe", ours, "parameters given"),
    "aipipe (auto)": ("aipipe", ours_auto, "nothing given but detect: all and lenient flags"),
    "aipipe (detect)": ("aipipe", ours_detect, "nothing but detect: all: a bad row is an error"),
    "aipipe (reject)": ("aipipe", ours_reject, "detect: all and on_bad_row: reject"),
    "aipipe (inspect)": ("aipipe", ours_proposed, "the options that inspect proposes"),
    "aipipe (bare)": ("aipipe", ours_bare, "no option at all: a bad row is an error"),
    "duckdb": ("duckdb", duckdb_given, "parameters given"),
    "duckdb (auto)": ("duckdb", duckdb_auto, "nothing given but lenient flags"),
    "duckdb (bare)": ("duckdb", duckdb_bare, "no option at all"),
    "pandas": ("pandas", pandas, "parameters given"),
    "polars": ("polars", polars, "parameters given"),
    "python csv": ("csv", python_csv, "sniffed"),
}

# ---- the score -----------------------------------------------------------------------------------------------------------------


def f1(expected: Iterable[str], found: Iterable[str]) -> tuple[float, float, float]:
    """The benchmark's measures: its precision divides by what was expected, its recall by what was loaded."""
    e, f = collections.Counter(expected), collections.Counter(found)
    n_e, n_f = sum(e.values()), sum(f.values())
    both = sum((e & f).values())
    if n_e == 0:
        return 1.0, 1.0, 1.0
    if both == 0:
        return 0.0, 0.0, 0.0
    precision, recall = both / n_e, both / n_f
    return precision, recall, precision * recall / (precision + recall) * 2


def rows_of(path: str) -> list[list[str]]:
    with open(path, encoding="utf-8-sig", newline="") as stream:
        text = stream.read()
    return list(csv.reader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))))


def measures(clean: list[list[str]], loaded: list[list[str]], normal: Callable[[str], str]) -> list[float]:
    if not clean:
        return [1.0] * 9
    header = [normal(c) for c in clean[0]]
    found = [normal(c) for c in loaded[0]] if loaded else []
    records = ["".join(normal(c) for c in row) for row in clean[1:]]
    loaded_records = ["".join(normal(c) for c in row) for row in loaded[1:]]
    return [
        *f1(header, found),
        *f1(records, loaded_records),
        *f1([c for row in clean for c in row], [c for row in loaded for c in row]),
    ]


def score(folder: str, name: str, read: Reader, out: str, normal: Callable[[str], str]) -> tuple[float, str]:
    try:
        read(os.path.join(folder, "csv", name), parameters(folder, name), out)
    except Exception as error:  # what a system cannot load counts as nothing loaded
        return 0.0, f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
    return 1.0 + sum(measures(rows_of(os.path.join(folder, "clean", name)), rows_of(out), normal)), ""


# ---- the command ---------------------------------------------------------------------------------------------------------------


def skipped(why: str) -> int:
    print(f"Pollock: N = 0, {why}")
    return SKIPPED


def available(module: str) -> bool:
    try:
        importlib.import_module(module)
        return True
    except ImportError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=os.environ.get("AIPIPE_POLLOCK", ""), help="default: AIPIPE_POLLOCK")
    parser.add_argument("--only", default="", help="only files whose name this regular expression finds")
    parser.add_argument("--systems", default="", help="names, with commas between; default: all that are installed")
    parser.add_argument("--worst", type=int, default=0, help="also print so many of each system's worst files")
    parser.add_argument("--least", type=float, nargs=2, help="fail when this library scores less, with and without parameters")
    a = parser.parse_args()
    folder = os.path.join(a.folder, "polluted_files")
    if not os.path.isdir(os.path.join(folder, "csv")):
        return skipped(f"corpus missing: no files in '{os.path.join(folder, 'csv')}' (AIPIPE_POLLOCK names the folder)")
    sys.path.insert(0, a.folder)
    try:
        normal = functools.lru_cache(maxsize=None)(importlib.import_module("pollock.data_types").normalize_cell)
    except ImportError as error:
        return skipped(f"pollock/data_types.py cannot be loaded: {error}")
    names = sorted(n for n in os.listdir(os.path.join(folder, "csv")) if n.endswith(".csv") and re.search(a.only, n))
    wanted = a.systems.split(",") if a.systems else list(SYSTEMS)
    scores: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as work:
        for system in wanted:
            module, read, how = SYSTEMS[system]
            if not available(module):
                print(f"{system:16} not installed")
                continue
            out = os.path.join(work, "out.csv")
            each = []
            for name in names:
                if os.path.exists(out):
                    os.remove(out)
                each.append((*score(folder, name, read, out, normal), name))
            scores[system] = sum(s for s, _, _ in each) / len(each)
            failed = sum(s == 0 for s, _, _ in each)
            print(f"{system:16} {scores[system]:.4f}  {how}, {failed} not loaded", flush=True)
            for s, why, name in sorted(each)[: a.worst]:
                print(f"    {s:.3f} {name} {why}")
    print(f"Pollock: N = {len(names)} files")
    if a.least and (scores.get("aipipe", 0) < a.least[0] or scores.get("aipipe (auto)", 0) < a.least[1]):
        print(f"Pollock: expected at least {a.least[0]} with parameters and {a.least[1]} without")
        return 1
    return 0 if names else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
