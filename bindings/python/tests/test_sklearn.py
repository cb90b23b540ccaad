"""On both sides of scikit-learn: its estimator checks over ours, ours in its tools, its in ours, and the same numbers.

Needs scikit-learn, pandas and joblib, as tests/integration/oracle/requirements.txt pins them. AIPIPE_NEED_PACKAGES=1 makes a
missing one an error instead of a skip.
"""

import copy
import functools
import importlib
import os
import pickle
import tempfile
import unittest
import warnings

import aipipe as ap

# Before scikit-learn is imported: without it SciPy's array API is off, and one check of newer versions would be skipped.
os.environ["SCIPY_ARRAY_API"] = "1"

MISSING = []
for _name in ("numpy", "pandas", "joblib", "sklearn"):
    try:
        importlib.import_module(_name)
    except ImportError:
        MISSING.append(_name)
if MISSING and os.environ.get("AIPIPE_NEED_PACKAGES") != "1":
    raise unittest.SkipTest(f"{', '.join(MISSING)} not installed: nothing to compare with")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from sklearn import datasets  # noqa: E402
from sklearn import linear_model as their_models  # noqa: E402
from sklearn.base import clone, is_classifier  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402
from sklearn.utils import estimator_checks  # noqa: E402

ESTIMATORS = [
    ap.StandardScaler(),
    ap.StandardScaler(with_mean=False),
    ap.StandardScaler(with_std=False),
    ap.SimpleImputer(),
    ap.SimpleImputer(strategy="median", add_indicator=True),
    ap.SimpleImputer(strategy="most_frequent"),
    ap.SimpleImputer(strategy="constant"),
    ap.OneHotEncoder(),
    ap.OneHotEncoder(handle_unknown="ignore"),
    ap.OneHotEncoder(drop="first"),
    ap.LogisticRegression(),
    ap.LogisticRegression(penalty=None),
    ap.LogisticRegression(C=0.5, class_weight="balanced"),
    ap.Select("all"),
    ap.Drop([]),
    ap.Rename({}),
    ap.Cast({}),
    ap.Derive(one="1.0"),
    ap.Pipeline([ap.StandardScaler(), ap.LogisticRegression()]),
    ap.Pipeline([ap.SimpleImputer(), ap.StandardScaler()]),
]

# Checks that scikit-learn runs over its own estimators, beside those of check_estimator.
MORE_CHECKS = ["check_dataframe_column_names_consistency"]
MORE_CHECKS_OF_TRANSFORMERS = [
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
]


def checks(estimator):
    """Every check for an estimator, as functions of the estimator."""
    if hasattr(estimator_checks, "estimator_checks_generator"):
        found = list(estimator_checks.estimator_checks_generator(estimator))
    else:
        found = list(estimator_checks.check_estimator(estimator, generate_only=True))
    yield from found
    if not isinstance(estimator, ap.Pipeline):
        more = MORE_CHECKS + (MORE_CHECKS_OF_TRANSFORMERS if hasattr(estimator, "transform") else [])
        for name in more:
            yield estimator, functools.partial(getattr(estimator_checks, name), type(estimator).__name__)


def breast_cancer():
    return datasets.load_breast_cancer(return_X_y=True)


def made(seed=0, n=400, k=6):
    return datasets.make_classification(n_samples=n, n_features=k, n_informative=3, flip_y=0.2, random_state=seed)


def mixed_frame(n=300):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(5, 2, size=n), "t": rng.choice(["u", "v", "w"], size=n)})
    frame.loc[rng.random(n) < 0.1, "a"] = np.nan
    frame["y"] = (frame["b"] + (frame["t"] == "u") * 2 + rng.normal(size=n) > 5.5).astype(int)
    return frame


class Checks(unittest.TestCase):
    def test_every_estimator_passes_every_check_of_scikit_learn(self):
        passed = 0
        for estimator in ESTIMATORS:
            for one, check in checks(estimator):
                inner = check.func if hasattr(check, "func") else check
                with self.subTest(estimator=repr(estimator), check=getattr(inner, "__name__", repr(inner))):
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        try:
                            check(clone(one))
                        except unittest.SkipTest as reason:
                            # Before 1.6 scikit-learn cannot make an estimator that has a required parameter.
                            self.assertIn("Can't instantiate estimator", str(reason))
                            continue
                passed += 1
        print(f"scikit-learn's checks: {passed} passed for {len(ESTIMATORS)} estimators", flush=True)
        self.assertGreater(passed, 800)


class SameNumbers(unittest.TestCase):
    """Tolerance: 1e-9, absolute for probabilities and relative for coefficients of this size."""

    def test_logistic_regression(self):
        for name, (X, y) in {"cancer": breast_cancer(), "made 0": made(), "made 1": made(1, 1000, 12)}.items():
            X = StandardScaler().fit_transform(X)
            for params in (
                {},
                {"C": 0.05},
                {"fit_intercept": False},
                {"class_weight": "balanced"},
                {"class_weight": {0: 1.0, 1: 3.0}},
            ):
                with self.subTest(data=name, **params):
                    theirs = their_models.LogisticRegression(solver="newton-cholesky", tol=1e-14, max_iter=1000, **params)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # the tolerance may be beyond what its last step can show
                        theirs.fit(X, y)
                    ours = ap.LogisticRegression(tol=1e-12, **params).fit(X, y)
                    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-9)
                    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9, atol=1e-9)
                    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-9)
                    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-8, atol=1e-8)
                    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
                    self.assertEqual(ours.score(X, y), theirs.score(X, y))

    def test_standard_scaler(self):
        X, _ = breast_cancer()
        X = X.copy()
        X[::7, 3] = np.nan
        X[:, 5] = 2.5  # constant
        for params in ({}, {"with_mean": False}, {"with_std": False}):
            ours, theirs = ap.StandardScaler(**params).fit(X), StandardScaler(**params).fit(X)
            np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(ours.mean_, theirs.mean_, rtol=1e-9)
            np.testing.assert_array_equal(ours.n_samples_seen_, theirs.n_samples_seen_)
            if ours.scale_ is not None:
                np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-9)
                np.testing.assert_allclose(ours.var_, theirs.var_, rtol=1e-9, atol=1e-12)
            else:
                self.assertIsNone(theirs.scale_)

    def test_simple_imputer(self):
        X, _ = made(2)
        X = np.round(X, 1)
        X[np.random.default_rng(0).random(X.shape) < 0.15] = np.nan
        for strategy in ("mean", "median", "most_frequent", "constant"):
            for add_indicator in (False, True):
                params = {"strategy": strategy, "add_indicator": add_indicator}
                ours, theirs = ap.SimpleImputer(**params).fit(X), SimpleImputer(**params).fit(X)
                np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-12, atol=1e-12)
                np.testing.assert_allclose(ours.statistics_.astype(float), theirs.statistics_.astype(float), rtol=1e-12)
                self.assertEqual(list(ours.get_feature_names_out()), list(theirs.get_feature_names_out()))

    def test_one_hot_encoder(self):
        rng = np.random.default_rng(1)
        for X in (
            rng.integers(0, 5, (50, 3)),
            rng.choice(["é", "b", "A"], (50, 2)),
            rng.choice(["p", "q"], (50, 2)).astype(object),
        ):
            for drop in (None, "first", "if_binary"):
                ours = ap.OneHotEncoder(drop=drop).fit(X)
                theirs = OneHotEncoder(drop=drop, sparse_output=False).fit(X)
                np.testing.assert_array_equal(ours.transform(X), theirs.transform(X))
                self.assertEqual(list(ours.get_feature_names_out()), list(theirs.get_feature_names_out()))
                self.assertEqual([list(c) for c in ours.categories_], [list(c) for c in theirs.categories_])

    def test_a_pipeline_of_a_frame_with_texts_and_missing_values(self):
        frame = mixed_frame()
        ours = ap.Pipeline(
            [
                ap.SimpleImputer(columns=["a"], strategy="median"),
                ap.StandardScaler(columns=["a", "b"]),
                ap.OneHotEncoder(columns=["t"]),
                ap.LogisticRegression(tol=1e-12),
            ]
        ).fit(frame, target="y")
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        columns = ColumnTransformer([("n", numbers, ["a", "b"]), ("t", OneHotEncoder(), ["t"])])
        model = their_models.LogisticRegression(solver="newton-cholesky", tol=1e-14)
        theirs = make_pipeline(columns, model).fit(frame[["a", "b", "t"]], frame["y"])
        np.testing.assert_allclose(ours.predict_proba(frame), theirs.predict_proba(frame), rtol=0, atol=1e-9)
        self.assertAlmostEqual(ours.evaluate(frame)["accuracy"], theirs.score(frame, frame["y"]), delta=1e-12)


class InTheirTools(unittest.TestCase):
    def test_cross_val_score_grid_search_and_two_processes(self):
        X, y = made()
        ours = ap.Pipeline([ap.StandardScaler(), ap.LogisticRegression()])
        theirs = make_pipeline(StandardScaler(), their_models.LogisticRegression(solver="newton-cholesky", tol=1e-12))
        for n_jobs in (None, 2):
            found = cross_val_score(ours, X, y, scoring="roc_auc", n_jobs=n_jobs)
            np.testing.assert_allclose(found, cross_val_score(theirs, X, y, scoring="roc_auc"), rtol=0, atol=1e-9)
        search = GridSearchCV(ours, {"logisticregression__C": [0.01, 0.1, 1.0]}, n_jobs=2).fit(X, y)
        their_search = GridSearchCV(theirs, {"logisticregression__C": [0.01, 0.1, 1.0]}).fit(X, y)
        self.assertEqual(search.best_params_, their_search.best_params_)

    def test_a_pipeline_that_reads_named_columns_is_cross_validated_on_a_frame(self):
        frame = mixed_frame()
        ours = ap.Pipeline(
            [ap.SimpleImputer(columns=["a"]), ap.OneHotEncoder(columns=["t"], handle_unknown="ignore"), ap.LogisticRegression()]
        ).fit(frame, target="y")
        scores = cross_val_score(ours, frame.drop(columns="y"), frame["y"], scoring="roc_auc", n_jobs=2)
        self.assertEqual(len(scores), 5)
        self.assertGreater(scores.min(), 0.7)

    def test_ours_stand_in_their_pipeline_and_column_transformer(self):
        frame = mixed_frame()
        columns = ColumnTransformer(
            [("n", make_pipeline(ap.SimpleImputer(), ap.StandardScaler()), ["a", "b"]), ("t", ap.OneHotEncoder(), ["t"])]
        )
        mixed = make_pipeline(columns, ap.LogisticRegression()).fit(frame.drop(columns="y"), frame["y"])
        self.assertTrue(is_classifier(mixed))
        self.assertGreater(mixed.score(frame.drop(columns="y"), frame["y"]), 0.7)
        made_frame = clone(columns).set_output(transform="pandas").fit_transform(frame)
        self.assertEqual(list(made_frame.columns), ["n__a", "n__b", "t__t_u", "t__t_v", "t__t_w"])

    def test_not_fitted_is_scikit_learns_own_error(self):
        for estimator in (ap.StandardScaler(), ap.Pipeline([ap.StandardScaler()])):
            with self.assertRaises(NotFittedError) as caught:
                estimator.transform([[1.0]])
            self.assertIsInstance(caught.exception, ap.NotFittedError)


class TheirsInOurs(unittest.TestCase):
    def test_a_forest_as_the_last_step_predicts_evaluates_and_is_refused_by_name_on_save(self):
        frame = mixed_frame()
        stages = [ap.SimpleImputer(columns=["a"]), ap.OneHotEncoder(columns=["t"])]
        p = ap.Pipeline([*stages, RandomForestClassifier(n_estimators=20, random_state=0)]).fit(ap.dataset(frame), target="y")
        wide = ap.Pipeline(stages).fit_transform(frame.drop(columns="y"))
        alone = RandomForestClassifier(n_estimators=20, random_state=0).fit(wide, frame["y"])
        np.testing.assert_array_equal(p.predict_proba(frame.drop(columns="y")), alone.predict_proba(wide))
        np.testing.assert_array_equal(p.predict(ap.dataset(frame)), alone.predict(wide))
        self.assertEqual(p.evaluate(frame, metrics=["accuracy"])["accuracy"], alone.score(wide, frame["y"]))
        self.assertEqual(p.score(frame.drop(columns="y"), frame["y"]), alone.score(wide, frame["y"]))
        with self.assertRaisesRegex(TypeError, "sklearn's RandomForestClassifier"), tempfile.TemporaryDirectory() as folder:
            p.save(os.path.join(folder, "x.aip"))
        again = pickle.loads(pickle.dumps(p))
        np.testing.assert_array_equal(again.predict(frame.drop(columns="y")), alone.predict(wide))

    def test_a_stage_of_theirs_in_the_middle(self):
        from sklearn.preprocessing import PolynomialFeatures

        X, y = made()
        p = ap.Pipeline([ap.StandardScaler(), PolynomialFeatures(2, include_bias=False), ap.LogisticRegression(tol=1e-12)]).fit(
            X, y
        )
        model = their_models.LogisticRegression(solver="newton-cholesky", tol=1e-14)
        theirs = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), model).fit(X, y)
        np.testing.assert_allclose(p.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-9)


class Kinds(unittest.TestCase):
    def test_frames_come_back_as_frames_when_asked_with_their_index(self):
        frame = mixed_frame(20)[["a", "b"]].set_index(np.arange(100, 120))
        out = ap.StandardScaler().set_output(transform="pandas").fit_transform(frame)
        self.assertEqual((list(out.columns), list(out.index)), (["a", "b"], list(frame.index)))
        self.assertIsInstance(ap.StandardScaler().fit_transform(frame), np.ndarray)

    def test_float32_stays_float32_and_integers_become_float64(self):
        X, _ = made()
        self.assertEqual(ap.StandardScaler().fit_transform(X.astype(np.float32)).dtype, np.float32)
        self.assertEqual(ap.StandardScaler().fit_transform((X * 10).astype(int)).dtype, np.float64)

    def test_labels_keep_their_type(self):
        X, y = made()
        for labels in (
            y.astype(np.int32),
            y.astype(float),
            y.astype(bool),
            np.array(["no", "yes"])[y],
            np.array(["n", "y"], object)[y],
        ):
            model = ap.LogisticRegression().fit(X, labels)
            self.assertEqual(model.classes_.dtype, labels.dtype)
            self.assertEqual(model.predict(X).dtype, labels.dtype)

    def test_a_matrix_is_scored_as_predict_proba_to_the_bit_whatever_its_strides(self):
        X, y = made()
        for fitted in (ap.LogisticRegression().fit(X, y), ap.Pipeline([ap.StandardScaler(), ap.LogisticRegression()]).fit(X, y)):
            score = ap.Scorer(fitted)
            wanted = fitted.predict_proba(pd.DataFrame(X, columns=score.inputs).to_dict("records"))[:, 1]
            wide = np.zeros((len(X), 2 * X.shape[1]))
            wide[:, ::2] = X
            for matrix in (X, np.asfortranarray(X), wide[:, ::2], np.repeat(X, 2, axis=0)[::2]):
                np.testing.assert_array_equal(score.run(matrix), wanted)
            self.assertEqual(score(*X[7]), wanted[7])
            self.assertEqual(score(X[7]), wanted[7])
            with self.assertRaisesRegex(ValueError, "expected an array"):
                score.run(X[:, 1:])

    def test_copies_are_independent(self):
        X, y = made()
        first = ap.LogisticRegression().fit(X, y)
        second = copy.deepcopy(first)
        wanted = second.predict_proba(X)
        first.fit(X[::-1] * 2, y)
        np.testing.assert_array_equal(second.predict_proba(X), wanted)


if __name__ == "__main__":
    unittest.main()
