"""Estimators, pipelines, packages and scorers without any third-party package.

Expected numbers are by hand, or from scikit-learn 1.5.2 where that is said.
"""

import copy
import math
import os
import pickle
import subprocess
import sys
import tempfile
import unittest

import aipipe as ap

# Ten rows of two features and a class. The fit is LogisticRegression(solver="newton-cholesky", tol=1e-14); accuracy is 0.8 there.
ROWS = [[0.5, 1.0], [1.5, 0.0], [2.0, 3.0], [3.5, 1.0], [1.0, 4.0], [4.0, 2.5], [2.5, 2.0], [5.0, 0.5], [0.0, 2.0], [3.0, 3.5]]
LABELS = [0, 0, 1, 1, 0, 1, 0, 1, 0, 1]
COEF, INTERCEPT = [1.2339278312419297, 0.34589010532846887], -3.551826328324771


def table():
    return ap.dataset({"a": [r[0] for r in ROWS], "b": [r[1] for r in ROWS], "late": LABELS})


def pipeline():
    return ap.Pipeline([ap.StandardScaler(), ap.LogisticRegression()]).fit(table(), target="late")


class Parameters(unittest.TestCase):
    def test_parameters_are_attributes_and_are_set_by_name(self):
        scaler = ap.StandardScaler(with_mean=False)
        self.assertEqual(scaler.get_params(), {"columns": "numeric", "with_mean": False, "with_std": True})
        self.assertIs(scaler.set_params(with_std=False), scaler)
        self.assertEqual(repr(scaler), "StandardScaler(with_mean=False, with_std=False)")
        with self.assertRaisesRegex(ValueError, "Invalid parameter 'with_mena'"):
            scaler.set_params(with_mena=True)

    def test_a_wrong_value_is_refused_at_the_fit_with_the_parameters_name(self):
        with self.assertRaises(ap.ParamError) as caught:
            ap.SimpleImputer(strategy="mode").fit(table())
        self.assertEqual(caught.exception.parameter, "strategy")

    def test_derive_takes_columns_as_keywords_or_any_name_from_a_dict(self):
        stage = ap.Derive(**{"a b": "a + b", "self": "a"})
        self.assertEqual(stage.get_params(), {"a b": "a + b", "self": "a"})
        self.assertEqual(stage.transform(table()).columns, ["a", "b", "late", "a b", "self"])


class Stages(unittest.TestCase):
    def test_a_scaler_shows_means_and_scales_and_a_dataset_gives_a_lazy_dataset(self):
        data = ap.dataset({"x": [1.0, 2.0, 3.0, None], "t": ["p", "q", "p", "q"]})
        scaler = ap.StandardScaler()
        out = scaler.fit_transform(data)
        self.assertEqual((list(scaler.mean_), scaler.n_samples_seen_), ([2.0], 3))
        self.assertAlmostEqual(scaler.scale_[0], math.sqrt(2 / 3), delta=1e-15)
        self.assertIsInstance(out, ap.Dataset)
        self.assertEqual(out.to_dict()["x"][1], 0.0)
        self.assertEqual(out.to_dict()["t"], ["p", "q", "p", "q"])
        self.assertEqual(list(scaler.feature_names_in_), ["x", "t"])

    def test_lists_of_rows_go_in_and_come_out(self):
        scaler = ap.StandardScaler().fit(ROWS)
        means = [sum(row[i] for row in ROWS) / 10 for i in (0, 1)]
        for found, wanted in zip(scaler.mean_, means):
            self.assertAlmostEqual(found, wanted, delta=1e-15)
        out = scaler.transform(ROWS)
        self.assertAlmostEqual(sum(row[0] for row in out), 0, delta=1e-12)
        self.assertAlmostEqual(sum(row[0] ** 2 for row in out), 10, delta=1e-12)

    def test_an_encoder_shows_categories_and_names_its_columns(self):
        encoder = ap.OneHotEncoder().fit([["b", "y"], ["a", "y"]])
        self.assertEqual([list(c) for c in encoder.categories_], [["a", "b"], ["y"]])
        self.assertEqual(list(encoder.get_feature_names_out()), ["x0_a", "x0_b", "x1_y"])
        self.assertEqual(list(encoder.get_feature_names_out(["u", "v"])), ["u_a", "u_b", "v_y"])
        self.assertEqual([list(row) for row in encoder.transform([["a", "y"]])], [[1, 0, 1]])

    def test_an_imputer_shows_statistics(self):
        imputer = ap.SimpleImputer(strategy="median", add_indicator=True).fit([[1.0, 5.0], [None, 6.0], [4.0, 7.0]])
        self.assertEqual(list(imputer.statistics_), [2.5, 6.0])
        self.assertEqual(list(imputer.indicator_features_), [0])
        self.assertEqual([list(row) for row in imputer.transform([[None, 1.0]])], [[2.5, 1.0, 1.0]])

    def test_what_is_not_fitted_says_so(self):
        with self.assertRaises(ap.NotFittedError):
            ap.StandardScaler().transform(ROWS)
        with self.assertRaises(ap.NotFittedError):
            ap.LogisticRegression().predict(ROWS)
        with self.assertRaises(ap.NotFittedError):
            ap.Pipeline([ap.StandardScaler()]).transform(ROWS)

    def test_stages_without_anything_to_learn_need_no_fit(self):
        self.assertEqual(ap.Select(["b"]).transform(table()).columns, ["b"])
        self.assertEqual(ap.Filter("late = 1").transform(table()).count(), 5)
        right = {"late": [0, 1], "word": ["no", "yes"]}
        self.assertEqual(ap.Join(right, on="late").transform(table()).to_dict()["word"][3], "yes")

    def test_a_number_of_columns_other_than_the_fits_is_refused(self):
        with self.assertRaisesRegex(ValueError, "X has 1 features, but StandardScaler is expecting 2 features"):
            ap.StandardScaler().fit(ROWS).transform([[1.0]])


class Models(unittest.TestCase):
    def test_a_fit_has_scikit_learns_numbers(self):
        model = ap.LogisticRegression(tol=1e-12).fit(ROWS, LABELS)
        for found, wanted in zip([*model.coef_[0], model.intercept_[0]], [*COEF, INTERCEPT]):
            self.assertAlmostEqual(found, wanted, delta=1e-9)
        self.assertEqual(list(model.classes_), [0, 1])
        z = COEF[0] * 2.5 + COEF[1] * 2.0 + INTERCEPT
        self.assertAlmostEqual(model.predict_proba([[2.5, 2.0]])[0][1], 1 / (1 + math.exp(-z)), delta=1e-9)
        self.assertAlmostEqual(model.decision_function([[2.5, 2.0]])[0], z, delta=1e-8)
        self.assertEqual(model.score(ROWS, LABELS), 0.8)

    def test_the_target_is_a_column_by_name_or_an_array(self):
        by_name, by_array = ap.LogisticRegression().fit(table(), "late"), ap.LogisticRegression().fit(ROWS, LABELS)
        self.assertEqual([list(row) for row in by_name.coef_], [list(row) for row in by_array.coef_])
        self.assertEqual(by_name.score(table(), "late"), 0.8)
        with self.assertRaisesRegex(ValueError, "name of the column"):
            ap.LogisticRegression().fit(table(), LABELS)
        with self.assertRaisesRegex(ValueError, "no column 'lat'"):
            ap.LogisticRegression().fit(table(), "lat")

    def test_classes_are_texts_or_truth_values_too(self):
        for labels in (["no" if v == 0 else "yes" for v in LABELS], [bool(v) for v in LABELS]):
            model = ap.LogisticRegression().fit(ROWS, labels)
            self.assertEqual(list(model.predict(ROWS))[3:5], [labels[3], labels[4]])

    def test_more_than_two_classes_are_refused(self):
        with self.assertRaises(ValueError):
            ap.LogisticRegression().fit(ROWS, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0])


class Pipelines(unittest.TestCase):
    def test_one_answer_a_row_in_order_for_records_columns_and_datasets(self):
        fitted = pipeline()
        records = table().to_records()
        wanted = [list(row) for row in fitted.predict_proba(records)]
        self.assertEqual(len(wanted), 10)
        self.assertEqual([list(row) for row in fitted.predict_proba(table().to_dict())], wanted)
        self.assertEqual(fitted.predict_proba(table()).to_dict()["probability"], [row[1] for row in wanted])
        self.assertEqual([list(row) for row in fitted.predict_proba(list(reversed(records)))], wanted[::-1])
        self.assertEqual(fitted.predict(table()).columns, ["a", "b", "late", "prediction", "probability"])
        self.assertEqual(list(fitted.predict(records)), [int(row[1] > 0.5) for row in wanted])

    def test_steps_are_visible_before_and_after_the_fit_and_the_given_ones_stay_as_they_were(self):
        scaler = ap.StandardScaler()
        p = ap.Pipeline([("scale", scaler), ap.LogisticRegression()])
        self.assertEqual(list(p.named_steps), ["scale", "logisticregression"])
        p.fit(table(), target="late")
        self.assertFalse(hasattr(scaler, "mean_"))
        self.assertAlmostEqual(p["scale"].mean_[0], 2.3, delta=1e-14)
        self.assertEqual(p[1].coef_[0][0], pipeline()[1].coef_[0][0])
        whole, part = p.transform(table().drop("late")), p[:1].transform(table().drop("late"))
        self.assertEqual(whole.to_dict(), part.to_dict())

    def test_parameters_of_steps_are_set_through_the_pipeline(self):
        p = ap.Pipeline([ap.StandardScaler(), ap.LogisticRegression()])
        p.set_params(logisticregression__C=0.25, standardscaler=ap.SimpleImputer())
        self.assertEqual(repr(p), "Pipeline([SimpleImputer(), LogisticRegression(C=0.25)])")

    def test_a_stage_that_drops_rows_is_refused_by_name(self):
        with self.assertRaisesRegex(TypeError, "DropMissing.*drops or adds rows"):
            ap.Pipeline([ap.DropMissing(), ap.LogisticRegression()]).fit(table(), target="late")

    def test_a_report_is_a_mapping_that_shows_itself(self):
        report = pipeline().evaluate(table(), metrics=["accuracy", "confusion_matrix"])
        self.assertEqual(report["accuracy"], 0.8)
        matrix = [list(row) for row in report.confusion_matrix]
        self.assertEqual(sum(map(sum, matrix)), 10)
        self.assertEqual(set(report.to_dict()), {"accuracy", "confusion_matrix"})
        self.assertIn("0.8", repr(report))
        self.assertIn("<table>", report._repr_html_())
        with self.assertRaisesRegex(KeyError, "no metric 'auc'"):
            report["auc"]

    def test_a_pipeline_without_a_model_transforms_and_has_no_predict(self):
        p = ap.Pipeline([ap.SimpleImputer(), ap.StandardScaler()]).fit(ROWS)
        self.assertFalse(hasattr(p, "predict"))
        self.assertEqual(len(p.transform(ROWS)), 10)


class Packages(unittest.TestCase):
    def test_saved_and_loaded_it_predicts_the_same(self):
        fitted = pipeline()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "late.aip")
            fitted.save(path)
            loaded = ap.load(path)
        records = table().to_records()
        self.assertEqual([list(r) for r in loaded.predict_proba(records)], [list(r) for r in fitted.predict_proba(records)])
        self.assertEqual(loaded.inputs.names, ["a", "b"])
        self.assertEqual((loaded.target, loaded.classes), ("late", [0, 1]))
        self.assertEqual(loaded.evaluate(table())["accuracy"], 0.8)
        self.assertEqual(loaded.describe()["model"]["logistic_regression"]["C"], 1)
        self.assertIn("standard_scaler > logistic_regression", repr(loaded))

    def test_pickle_copy_and_deepcopy_keep_what_was_learned(self):
        records = table().to_records()
        for it in (pipeline(), pipeline().to_package(), ap.LogisticRegression().fit(table(), "late")):
            rows = records if not isinstance(it, ap.LogisticRegression) else ROWS
            wanted = [list(row) for row in it.predict_proba(rows)]
            for other in (pickle.loads(pickle.dumps(it)), copy.copy(it), copy.deepcopy(it)):
                self.assertEqual([list(row) for row in other.predict_proba(rows)], wanted)

    def test_the_same_fit_gives_the_same_bytes(self):
        self.assertEqual(pipeline().to_package().to_bytes(), pipeline().to_package().to_bytes())

    def test_metrics_are_kept_in_the_package(self):
        package = pipeline().to_package().with_metrics({"roc_auc": 0.75})
        self.assertEqual(ap.Package.from_bytes(package.to_bytes()).metrics["roc_auc"], 0.75)

    def test_a_missing_input_is_named(self):
        with self.assertRaisesRegex(ap.SchemaError, "'?b'?"):
            pipeline().to_package().predict([{"a": 1.0}])

    def test_it_is_used_in_the_context_of_the_dataset(self):
        fitted = pipeline()
        with ap.Context(threads=0):
            self.assertEqual(fitted.predict(table()).count(), 10)
        self.assertEqual(fitted.predict(table()).count(), 10)


class Scorers(unittest.TestCase):
    def test_a_call_gives_what_predict_proba_gives_to_the_bit(self):
        fitted = pipeline()
        score = fitted.scorer()
        wanted = [row[1] for row in fitted.predict_proba([{"a": a, "b": b} for a, b in ROWS])]
        self.assertEqual([score(a, b) for a, b in ROWS], wanted)
        self.assertEqual([score(row) for row in ROWS], wanted)
        self.assertEqual([score({"b": b, "a": a}) for a, b in ROWS], wanted)
        self.assertEqual(score.inputs, ["a", "b"])

    def test_texts_integers_and_missing_values(self):
        data = {"n": [1, 2, 3, 4, None, 6], "t": ["u", "v", "u", None, "v", "u"], "y": [0, 1, 0, 1, 1, 0]}
        encoder = ap.OneHotEncoder(columns=["t"], handle_unknown="ignore")
        steps = [ap.SimpleImputer(columns=["n"]), encoder, ap.LogisticRegression()]
        fitted = ap.Pipeline(steps).fit(ap.dataset(data), target="y")
        score = fitted.scorer()
        rows = [(1, "u"), (None, "v"), (3, None), (2, "w"), (2, "v" * 500), (5, "é"), (4, "")]
        wanted = [row[1] for row in fitted.predict_proba({"n": [r[0] for r in rows], "t": [r[1] for r in rows]})]
        self.assertEqual([score(*row) for row in rows], wanted)
        self.assertEqual([score(*row) for row in reversed(rows)], wanted[::-1])

    def test_wrong_values_are_refused_by_name(self):
        score = pipeline().scorer()
        with self.assertRaisesRegex(TypeError, r"expected 2 values \(a, b\), found 3"):
            score(1.0, 2.0, 3.0)
        with self.assertRaisesRegex(TypeError, "input 'b' is 'x'"):
            score(1.0, "x")
        with self.assertRaisesRegex(TypeError, "no 'b'"):
            score({"a": 1.0})
        self.assertEqual(score(*ROWS[0]), pipeline().scorer()(*ROWS[0]))

    def test_it_is_pickled_with_its_package(self):
        score = pipeline().scorer()
        self.assertEqual(pickle.loads(pickle.dumps(score))(1.0, 2.0), score(1.0, 2.0))


FORK = """
import multiprocessing, sys
import aipipe as ap
rows = [[0.5, 1.0], [1.5, 0.0], [2.0, 3.0], [3.5, 1.0]]
model = ap.LogisticRegression().fit(rows, [0, 0, 1, 1])
scorer = ap.Scorer(model._fitted.package())
def probabilities(_):
    return [float(row[1]) for row in model.predict_proba(rows)] + [scorer(1.0, 2.0)] + [
        float(v) for row in ap.StandardScaler().fit_transform(rows) for v in row]
if __name__ == "__main__":
    wanted = probabilities(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(probabilities, range(4)) == [wanted] * 4
    print("same")
"""


class Processes(unittest.TestCase):
    def test_what_was_fitted_before_a_fork_predicts_in_the_child_and_the_child_fits_anew(self):
        done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "same\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
