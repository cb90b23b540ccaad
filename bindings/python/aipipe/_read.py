"""Files as datasets."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Optional, Union

from . import _ffi
from ._context import Context, default_context
from ._dataset import Dataset, Path, _json
from ._ffi import lib


def read(path: Union[Path, Sequence[Path]], *, context: Optional[Context] = None, **options: Any) -> Dataset:
    """Files as a dataset. Only as much is read as names and types of the columns need.

    Args:
        path: a file, a list of files, or a pattern with ``* ? [ ]``; gzip is recognised by its content.
        context: the context to make it from; None: the default one.
        **options: as the catalogue's ``read`` lists them (``aipipe catalog read``), which :func:`read_csv` documents.

    Raises:
        NotFoundError, IOError_, DataError, CorruptError, ParamError.
    """
    context = context or default_context()
    out = _ffi.DatasetHandle()
    params = _json({"path": path, **options})
    context._run(lambda call: _ffi.call(lib.aip_dataset_read, context._handle, params, ctypes.byref(out)))
    return Dataset(out, context)


def _given(defaults: Optional[Mapping[str, Any]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What of a reader's keyword arguments is not left at its default."""
    pairs = (defaults or {}).items()
    return {name: arguments[name] for name, default in pairs if name != "context" and arguments[name] != default}


_NULLS = ("", "NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "None")


def read_csv(
    path: Union[Path, Sequence[Path]],
    *,
    columns: Union[Sequence[str], Mapping[str, str], None] = None,
    types: Optional[Mapping[str, str]] = None,
    detect: Literal["delimiter", "all", "none"] = "delimiter",
    delimiter: Optional[str] = None,
    quote: Optional[str] = '"',
    escape: Optional[str] = None,
    doubled_quote: bool = True,
    quote_errors: Literal["bad_row", "repair"] = "bad_row",
    comment: Optional[str] = None,
    header: bool = True,
    names: Optional[Sequence[str]] = None,
    duplicate_names: Literal["error", "number"] = "error",
    skip_rows: int = 0,
    null_values: Union[str, Sequence[str]] = _NULLS,
    quoted_null: bool = False,
    decimal: str = ".",
    thousands: Optional[str] = None,
    date_formats: Union[str, Sequence[str]] = (),
    true_values: Union[str, Sequence[str]] = (),
    false_values: Union[str, Sequence[str]] = (),
    encoding: str = "utf-8",
    encoding_errors: Literal["bad_row", "replace", "error"] = "bad_row",
    line_end: Literal["auto", "lf", "cr"] = "auto",
    ragged: Literal["error", "pad", "truncate"] = "error",
    on_bad_row: Literal["error", "null", "reject", "promote"] = "error",
    rejects: Optional[Path] = None,
    checkpoint: Optional[Path] = None,
    max_rejects: Optional[float] = None,
    infer_rows: Optional[int] = 10000,
    include_path: Optional[str] = None,
    max_record_bytes: int = 16777216,
    block_bytes: Optional[int] = None,
    context: Optional[Context] = None,
) -> Dataset:
    """CSV files, plain or gzip, as a dataset. Only as much is read as names and types of the columns need.

    Args:
        path: a file, a list of files, or a pattern with ``* ? [ ]``.
        columns: columns to read, or {name: new name}; None: all.
        types: types by name in the file in place of the guessed ones: ``{"age": "int64", "at": "timestamp[UTC]"}``.
        detect: what is found out from the first bytes of each file where it is left at its default: ``"delimiter"``: another
            one where the usual one does not split the first record; ``"all"``: delimiter, quote, escape, comment, header, lines
            to skip, decimal mark and encoding; ``"none"``.
        delimiter: one byte between fields; None: a tab for ``.tsv`` files, else a comma.
        quote: one byte around fields that hold delimiters or line feeds, doubled inside; None: none.
        escape: one byte that makes a quote, delimiter, line end or itself behind it data; None: none.
        doubled_quote: two quotes in a quoted field are one.
        quote_errors: quotes that break the rules: a bad row; ``"repair"``: they are data.
        comment: one byte; lines that start with it are dropped.
        header: the first record holds the column names.
        names: names of all columns, in place of the header's.
        duplicate_names: columns of one name: an error; ``"number"``: the second ``a`` is ``a_2``, the third ``a_3``.
        skip_rows: lines to skip before the header.
        null_values: cells that mean null.
        quoted_null: a quoted null marker is null in text columns too.
        decimal: decimal mark, one byte.
        thousands: mark between groups of three digits, one byte; None: none.
        date_formats: formats of strftime, tried in order where a cell is no date or time of ISO 8601.
        true_values: words for true, with false_values in place of the usual ones.
        false_values: words for false.
        encoding: encoding of the text, as iconv names it; ``"auto"``: by its first bytes. A byte order mark is heeded under
            ``"utf-8"`` and ``"auto"``.
        encoding_errors: bytes that are no text in the encoding: a bad row; ``"replace"``: U+FFFD; ``"error"``: an error.
        line_end: what ends a line: ``"lf"`` (also CR LF), ``"cr"`` (alone), ``"auto"``: by the first bytes.
        ragged: rows with too few or too many cells: bad rows; ``"pad"``: short rows get nulls; ``"truncate"``: also, long ones
            are cut.
        on_bad_row: a row that does not fit: an error; ``"null"``: nulls in the cells that do not parse; ``"reject"``: see
            ``rejects``; ``"promote"``: types are settled over all rows first, what is more than ``infer_rows`` showed is logged.
        rejects: a file to write every rejected record to in each pass, whole or not at all; ``Dataset.rejects`` keeps
            100,000 of them.
        checkpoint: a file that says how far files which grow, or become more, were read into numbered outputs. Only what is new
            is read; ``write`` moves the checkpoint on, ``out.csv`` being ``out-00000001.csv`` and so on.
        max_rejects: more rejected rows are an error: a number, or below 1 a fraction.
        infer_rows: first rows that types are guessed from; None: all.
        include_path: name of a column to add that holds the path of each row's file.
        max_record_bytes: a longer record is an error: most often a quote that is never closed.
        block_bytes: bytes of text that are read and cut into records at a time; the rows are the same whatever it is. None: as
            many as suit the file.
        context: the context to make it from; None: the default one.

    Raises:
        NotFoundError: no such file.
        DataError: a row or cell that does not fit, with source, line and column (also later, in a pass).
        ParamError, IOError_, CorruptError.
    """
    return read(path, context=context, format="csv", **_given(read_csv.__kwdefaults__, locals()))


def read_arrow(
    path: Union[Path, Sequence[Path]],
    *,
    columns: Union[Sequence[str], Mapping[str, str], None] = None,
    include_path: Optional[str] = None,
    context: Optional[Context] = None,
) -> Dataset:
    """Arrow IPC files or streams (also Feather of version 2), as a dataset. Whether it is a file or a stream is seen by its
    first bytes; types are what the file says. Of a file only the bytes of the wanted columns are read.

    Args:
        path: a file, a list of files, or a pattern with ``* ? [ ]``.
        columns: columns to read, or {name: new name}; None: all.
        include_path: name of a column to add that holds the path of each row's file.
        context: the context to make it from; None: the default one.

    Raises:
        NotFoundError: no such file.
        UnsupportedError: a column that is wanted has a type without a counterpart here, such as a list.
        CorruptError: the file is damaged, with the byte offset (also later, in a pass).
        DataError: a value that no type here holds, such as a timestamp with nanoseconds (in a pass).
        SchemaError, ParamError, IOError_.
    """
    return read(path, context=context, format="arrow", columns=columns, include_path=include_path)


def read_ndjson(
    path: Union[Path, Sequence[Path]],
    *,
    columns: Union[Sequence[str], Mapping[str, str], None] = None,
    types: Optional[Mapping[str, str]] = None,
    flatten_levels: int = 16,
    fields: Union[str, Sequence[str]] = (),
    unknown_fields: Literal["count", "bad"] = "count",
    duplicate_keys: Literal["last", "bad"] = "last",
    on_bad_row: Literal["error", "null", "reject", "promote"] = "error",
    rejects: Optional[Path] = None,
    checkpoint: Optional[Path] = None,
    max_rejects: Optional[float] = None,
    infer_rows: Optional[int] = 10000,
    include_path: Optional[str] = None,
    max_record_bytes: int = 16777216,
    block_bytes: Optional[int] = None,
    context: Optional[Context] = None,
) -> Dataset:
    """Files of one JSON object to a line, plain or compressed, as a dataset.

    Fields of objects within an object are columns named by their path, such as ``user.name``; lists are columns of their JSON
    text. Only as much is read as names and types of the columns need.

    Args:
        path: a file, a list of files, or a pattern with ``* ? [ ]``.
        columns: columns to read by path, or {path: new name}; None: all that the first rows show.
        types: types by path in place of the guessed ones: ``{"user.age": "int32", "at": "timestamp[UTC]"}``.
        flatten_levels: levels of objects that are gone into; deeper ones are columns of their JSON text.
        fields: paths that are columns even where the first rows do not show them, or that are objects wanted as JSON text.
        unknown_fields: fields that the first rows did not show are left out and counted; ``"bad"``: their record is a bad row.
        duplicate_keys: of a key that stands twice in an object the last value counts; ``"bad"``: the record is a bad row.
        on_bad_row: a record that does not fit: an error; ``"null"``: nulls in the fields that do not fit; ``"reject"``: see
            ``rejects``; ``"promote"``: types are settled over all rows first, what is more than ``infer_rows`` showed is logged.
        rejects: a file to write every rejected record to in each pass, whole or not at all; ``Dataset.rejects`` keeps
            100,000 of them.
        checkpoint: a file that says how far files which grow, or become more, were read into numbered outputs. Only what is new
            is read; ``write`` moves the checkpoint on, ``out.csv`` being ``out-00000001.csv`` and so on.
        max_rejects: more rejected rows are an error: a number, or below 1 a fraction.
        infer_rows: first rows that fields and types are taken from; None: all.
        include_path: name of a column to add that holds the path of each row's file.
        max_record_bytes: a longer record is an error: most often a quote that is never closed.
        block_bytes: bytes of text that are read and cut into records at a time; the rows are the same whatever it is. None: as
            many as suit the file.
        context: the context to make it from; None: the default one.

    Raises:
        NotFoundError: no such file.
        DataError: what is no JSON, no object, or does not fit, with source, line and column (also later, in a pass).
        ParamError, IOError_, CorruptError.
    """
    return read(path, context=context, format="ndjson", **_given(read_ndjson.__kwdefaults__, locals()))


def read_json(
    path: Union[Path, Sequence[Path]],
    *,
    columns: Union[Sequence[str], Mapping[str, str], None] = None,
    types: Optional[Mapping[str, str]] = None,
    flatten_levels: int = 16,
    fields: Union[str, Sequence[str]] = (),
    unknown_fields: Literal["count", "bad"] = "count",
    duplicate_keys: Literal["last", "bad"] = "last",
    on_bad_row: Literal["error", "null", "reject", "promote"] = "error",
    rejects: Optional[Path] = None,
    max_rejects: Optional[float] = None,
    infer_rows: Optional[int] = 10000,
    include_path: Optional[str] = None,
    max_record_bytes: int = 16777216,
    block_bytes: Optional[int] = None,
    context: Optional[Context] = None,
) -> Dataset:
    """Files that hold one JSON array of objects, or objects one after the other, plain or compressed, as a dataset.

    The file streams: it is never in memory as a whole. Arguments and errors are those of :func:`read_ndjson`, which for objects
    on lines of their own says more precisely what is wrong; a checkpoint needs lines.
    """
    return read(path, context=context, format="json", **_given(read_json.__kwdefaults__, locals()))
