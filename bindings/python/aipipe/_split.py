"""Training and test parts, of datasets and of whatever else has rows."""

from __future__ import annotations

from typing import Any, Union

from ._dataset import Dataset, dataset


def train_test_split(
    *tables: Any,
    test_size: Union[float, int, None] = None,
    train_size: Union[float, int, None] = None,
    random_state: int = 0,
    shuffle: bool = True,
    stratify: Any = None,
) -> Any:
    """A training and a test part of each table: the rows that scikit-learn's function of this name chooses, in the order given.

    Args:
        *tables: one dataset; or arrays, lists, DataFrames and Series of one length.
        test_size: fraction (rounded up) or number of rows of the test part; None: what train_size leaves, or 0.25.
        train_size: fraction (rounded down) or number of rows of the training part; None: what test_size leaves.
        random_state: the same one gives the same rows, here and in scikit-learn.
        shuffle: choose at random; False: the training part comes first.
        stratify: with a dataset the name of a column, else the classes of the rows: both parts have them in equal proportion.

    Returns:
        For one dataset (train, test); else a list: train and test of the first table, of the second, and so on.
    """
    options: dict[str, Any] = {
        "test_size": test_size,
        "train_size": train_size,
        "random_state": random_state,
        "shuffle": shuffle,
    }
    if not tables:
        raise TypeError("train_test_split: expected at least one table")
    if isinstance(tables[0], Dataset):
        if len(tables) > 1:
            raise TypeError("train_test_split: a dataset is split alone: its target is one of its columns")
        return tables[0].split(stratify=stratify, **options)
    n = _n_rows(tables[0])
    for table in tables:
        if _n_rows(table) != n:
            raise ValueError(f"train_test_split: tables of {n} and {_n_rows(table)} rows: expected as many")
    columns: dict[str, Any] = {"row": range(n)}
    if stratify is not None:
        columns["class"] = stratify
    train, test = dataset(columns).split(stratify=None if stratify is None else "class", **options)
    parts = [part["row"].to_dict()["row"] for part in (train, test)]
    return [_take(table, rows) for table in tables for rows in parts]


def _n_rows(table: Any) -> int:
    return int(table.shape[0]) if hasattr(table, "shape") else len(table)


def _take(table: Any, rows: list[int]) -> Any:
    """These rows of an array, a list, a DataFrame or a Series."""
    if hasattr(table, "iloc"):
        return table.iloc[rows]
    if hasattr(table, "take") and type(table).__module__.startswith("pyarrow"):
        return table.take(rows)
    if hasattr(table, "shape"):
        return table[rows]
    made = [table[i] for i in rows]
    return tuple(made) if isinstance(table, tuple) else made
