"""DuckDB's own CSV test files (github duckdb/duckdb, folder data/csv), which its authors wrote for its reader: each is read by this library, with
its dialect found out and bad rows rejected, and by DuckDB's read_csv with nothing given, and the numbers of rows and columns are compared.

    duckdb_csv.py [FOLDER] [--show equal,differ,refused,theirs,both] [--least EQUAL]

FOLDER is data/csv of a checkout; its files are used where they lie. A file that differs is no error by itself: many of these files are made so
that readers have to choose. Exit status 77 (skipped) when the files or the package duckdb are missing; 1 when fewer files than EQUAL are equal.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import sys
from typing import Optional

SKIPPED = 77
ENDS = (".csv", ".tsv", ".txt", ".psv", ".tbl", ".dat")
Shape = tuple[int, int]
TITLES = {
    "equal": "equal rows and columns",
    "differ": "other rows or columns",
    "refused": "refused by this library alone",
    "theirs": "refused by DuckDB alone",
    "both": "refused by both",
}


def files_of(folder: str) -> list[str]:
    """Those that read_csv knows as text, also packed with gzip or zstd, in order; of files of the same bytes the first."""
    found: dict[bytes, str] = {}
    for at, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            plain = name[: name.rindex(".")] if name.endswith((".gz", ".zst")) else name
            if plain.lower().endswith(ENDS):
                with open(os.path.join(at, name), "rb") as stream:
                    found.setdefault(hashlib.sha256(stream.read()).digest(), stream.name)
    return list(found.values())


def said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n")[0]


def ours(path: str) -> tuple[Optional[Shape], str]:
    import aipipe as ap

    try:
        table = ap.read(path, format="csv", detect="all", on_bad_row="reject")
        return (table.count(), len(table.columns)), ""
    except ap.Error as error:
        return None, said(error).replace(path, os.path.basename(path))


def theirs(path: str) -> tuple[Optional[Shape], str]:
    import duckdb

    with duckdb.connect() as connection:
        try:
            relation = connection.read_csv(path, ignore_errors=True)
            return (relation.aggregate("count(*)").fetchall()[0][0], len(relation.columns)), ""
        except (duckdb.Error, UnicodeDecodeError) as error:
            return None, said(error)


def skipped(why: str) -> int:
    print(f"DuckDB's CSV files: N = 0, {why}")
    return SKIPPED


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=os.environ.get("AIPIPE_DUCKDB_CSV", ""))
    parser.add_argument("--show", default="", help="which files to name, with commas between: " + ", ".join(TITLES))
    parser.add_argument("--least", type=int, default=0, help="fail when fewer files are equal")
    a = parser.parse_args()
    paths = files_of(a.folder)
    if not paths:
        return skipped(f"corpus missing: no files in '{a.folder}' (AIPIPE_DUCKDB_CSV names the folder)")
    try:
        importlib.import_module("duckdb")
    except ImportError as error:
        return skipped(f"the package to compare with is missing: {error}")
    outcomes: dict[str, list[str]] = {title: [] for title in TITLES}
    for path in paths:
        (we, why_we), (they, why_they) = ours(path), theirs(path)
        if we and they:
            outcome = "equal" if we == they else "differ"
        else:
            outcome = "both" if not we and not they else "refused" if not we else "theirs"
        outcomes[outcome].append(f"    {os.path.relpath(path, a.folder)}: {we or why_we} | {they or why_they}")
    for outcome, lines in outcomes.items():
        print(f"{len(lines):6} {TITLES[outcome]}")
        if outcome in a.show.split(","):
            print("\n".join(lines))
    print(f"DuckDB's CSV files: N = {len(paths)} files, each of other bytes")
    if len(outcomes["equal"]) < a.least:
        print(f"expected at least {a.least} equal files")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
