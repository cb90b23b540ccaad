"""Late flights: a dirty file read, joined, fitted, judged, saved and served. Steps 1 to 5 need nothing but aipipe; run it here.

python flights.py [folder for the model]
"""

import importlib.util
import os
import sys

import aipipe as ap

# 1. A dirty file: types found, missing, distinct, what would be rejected.
print(ap.inspect("data/flights-*.csv.gz"))  # the same object is a table in Jupyter and .to_dict() in code

# 2. Read, join, derive. Lazy: nothing is read until something is asked for, and it is parsed once however often it is used.
flights = ap.read_csv("data/flights-*.csv.gz", null_values=["", "NA"], on_bad_row="reject")
weather = ap.read_csv("data/weather-*.csv.gz", columns=["origin", "time_hour", "temp", "wind_speed", "precip", "visib"])
planes = ap.read_csv("data/planes.csv", columns={"tailnum": "tailnum", "year": "built", "seats": "seats"})
table = (
    flights.drop_missing(columns=["arr_delay"])  # cancelled or diverted: no label. A row step, so never part of a package
    .join(weather, on=["origin", "time_hour"], how="left", validate="m:1")  # a repeated right key is an error, not more rows
    .join(planes, on="tailnum", how="left", validate="m:1")
    .derive(late="arr_delay > 15")  # the label; expressions are the same strings in Python, YAML and C
)
print(table.head())
print(table.count(missing=True))
print(flights.rejects.head())  # source, line, column, offset, reason, raw text

# 3. Fit and evaluate. Classes, parameters and numbers are scikit-learn's; columns= does the work of ColumnTransformer.
train, test = ap.train_test_split(table, test_size=0.2, random_state=42, stratify="late")
numbers = ["dep_delay", "distance", "hour", "weekday", "age", "seats", "temp", "wind_speed", "precip", "visib"]
prepare = [  # one row in, one row out: this is what the package holds and serving runs; it asks only for columns it reads
    ap.Derive(age="year - built", weekday="weekday(time_hour, 'America/New_York')"),
    ap.Select(columns=[*numbers, "carrier", "origin"]),
    ap.SimpleImputer(columns=numbers, strategy="median", add_indicator=True),
    ap.StandardScaler(columns=numbers),
    ap.OneHotEncoder(columns=["carrier", "origin"], handle_unknown="ignore"),
]
logistic = ap.Pipeline([*prepare, ap.LogisticRegression(class_weight="balanced")]).fit(train, target="late")
report = logistic.evaluate(test, metrics=["roc_auc", "log_loss", "f1"])
print(report)
print(report.confusion_matrix)

# 4. Save, load elsewhere, predict: the package holds pipeline, model and schema, and no code
folder = sys.argv[1] if len(sys.argv) > 1 else "models"
os.makedirs(folder, exist_ok=True)
logistic.save(os.path.join(folder, "flights.aip"))
late = ap.load(os.path.join(folder, "flights.aip"))
print(late.predict_proba(test.head(5)))  # one answer a row, in order
flight = test.head(1).to_records()[0]
print(late.predict_proba(flight), late.predict([flight]))  # a row is a dict, rows are a list of dicts

# 5. The same as a DAG from a file, which the command `aipipe run` takes too; Ctrl-C stops it cleanly
run = ap.Dag.load("flights.yaml").run(params={"models": folder})
print(run.state, run["score"].metrics["roc_auc"], run["table"].rows)  # rows: in = out + rejected + filtered

# 6. Both ways with scikit-learn, where it is installed: an estimator of theirs as last step here, one of ours inside their tools.
if importlib.util.find_spec("sklearn") and importlib.util.find_spec("pandas"):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_score

    df = table.to_pandas()  # or polars, pyarrow, numpy; ap.dataset(df) comes back
    forest = RandomForestClassifier(n_estimators=20, random_state=0)
    theirs = ap.Pipeline([*prepare, forest]).fit(train, target="late")  # save() names what it cannot hold
    print("forest", theirs.evaluate(test)["roc_auc"])
    scores = cross_val_score(logistic, df.drop(columns="late"), df["late"], scoring="roc_auc", n_jobs=2)  # clone, pickle, fork
    print("cross-validated", scores)
