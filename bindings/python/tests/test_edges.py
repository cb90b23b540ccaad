"""Values and uses at the edges: what the library or C would cut short, wrap around or overlook is refused, or done right."""

import datetime
import os
import threading
import unittest

from support import ap, python

FAR = 10**18  # microseconds: a time after the year 9999


class Names(unittest.TestCase):
    def test_a_nul_ends_no_name(self):
        schema = ap.Schema([ap.Field("a\0b", "int64")])
        for make in (
            lambda: ap.dataset({"a\0b": [1]}),
            lambda: ap.dataset([{"a": 1, "a\0b": 2}]),
            lambda: ap.from_batches(lambda: [], schema).count(),
            lambda: ap.default_context().catalog("csv\0"),
            lambda: ap.LogisticRegression().fit({"x": [1.0, 2.0], "y": [0, 1]}, "y\0"),
            lambda: ap.Dag("a\0b"),
            lambda: ap.Dag("a").add("b\0c", lambda task: None),
            lambda: ap.Dag.parse("dag: a\ntasks: {}\n\0"),
            lambda: ap.load("model\0.aip"),
            lambda: Predictions.fitted().save("model\0.aip"),
        ):
            with self.assertRaises(ValueError):
                make()

    def test_text_that_utf8_cannot_hold_is_named(self):
        with self.assertRaisesRegex(ValueError, r"column name 'a\\udc80'.*surrogate"):
            ap.dataset({"a\udc80": [1]})
        with self.assertRaisesRegex(ValueError, r"column 'a', row 2 .*'x\\udc80'.*surrogate"):
            ap.dataset({"a": ["x", None, "x\udc80"]})

    def test_a_column_of_mixed_kinds_is_refused_with_the_row(self):
        with self.assertRaisesRegex(TypeError, r"column 'a' holds int, str \('x' in row 3"):
            ap.dataset({"a": [None, 1, 2, "x"]})


class Numbers(unittest.TestCase):
    def test_no_count_wraps_around(self):
        table = ap.dataset({"a": [1, 2]})
        self.assertEqual(table.head(2**70).to_dict(), {"a": [1, 2]})
        for wrong, kind in ((-1, ValueError), (1.0, TypeError)):
            with self.assertRaises(kind):
                table.head(wrong)
        for options in ({"threads": 2**32 + 1}, {"threads": 2**31}, {"memory_limit": 2**70}, {"memory_limit": "99999999999TB"}):
            with self.subTest(options), self.assertRaises(ValueError):
                ap.Context(**options)

    def test_a_timeout_is_a_time(self):
        table = ap.dataset({"a": [1]}).derive(b="a + 1")
        for long in (float("inf"), 1e300, 10**30):
            self.assertEqual(table.count(timeout=long), 1)
        for wrong in (-1, float("nan")):
            with self.assertRaisesRegex(ValueError, "timeout"):
                table.count(timeout=wrong)

    def test_times_beyond_pythons_are_shown_and_named(self):
        table = ap.dataset({"at": [FAR, None]}).cast({"at": "timestamp"}).collect()
        with self.assertRaisesRegex(OverflowError, "column 'at'"):
            table.to_dict()
        self.assertIn("33658-09-27", repr(table))


class Passes(unittest.TestCase):
    def test_a_stop_iteration_of_a_function_does_not_end_the_rows(self):
        def fn(batch):
            raise StopIteration

        with self.assertRaises(RuntimeError):
            ap.dataset({"a": [1]}).map_batches(fn, {"a": "int64"}).count()

    def test_an_exception_without_a_text_is_still_raised(self):
        class Bad(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        def fn(batch):
            raise Bad

        with self.assertRaises(Bad):
            ap.dataset({"a": [1]}).map_batches(fn, {"a": "int64"}).count()

    def test_what_is_computed_from_memory_is_shown(self):
        table = ap.dataset({"a": list(range(30))})
        self.assertIn("the first 10 rows shown", repr(table.derive(b="a + 1")))
        self.assertIn("2 rows", repr(table.filter("a < 2")))
        self.assertIn("not to be shown", repr(ap.dataset({"a": ["x"]}).cast({"a": "int64"})))
        other = ap.from_batches(lambda: [{"a": [1], "c": [2]}], {"a": "int64", "c": "int64"})
        self.assertIn("not read yet", repr(table.join(other, on="a")))

    def test_a_wide_table_fits_the_terminal(self):
        table = ap.dataset({f"column{i}": [i] for i in range(40)})
        before = os.environ.get("COLUMNS")
        try:
            for width in (40, 80, 130):
                os.environ["COLUMNS"] = str(width)
                lines = repr(table).splitlines()
                self.assertLessEqual(max(map(len, lines)), width)
                self.assertGreater(max(map(len, lines)), width - 12)
                self.assertTrue(lines[0].startswith("column0") and lines[0].endswith("column39") and "…" in lines[0])
        finally:
            del os.environ["COLUMNS"]
            if before is not None:
                os.environ["COLUMNS"] = before

    def test_a_closed_dataset_says_so(self):
        table = ap.dataset({"a": [1]})
        table.close()
        with self.assertRaisesRegex(ap.MisuseError, "closed"):
            len(table.columns)


class Contexts(unittest.TestCase):
    def test_one_context_in_blocks_of_two_threads(self):
        context, inside, leave, errors = ap.Context(), threading.Event(), threading.Event(), []

        def work():
            try:
                with context:
                    inside.set()
                    leave.wait(60)
                if ap.default_context() is context:
                    errors.append("the block is left")
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        outer = ap.default_context()
        with context:
            thread.start()
            inside.wait(60)
        self.assertIs(ap.default_context(), outer)
        leave.set()
        thread.join(60)
        self.assertEqual(errors, [])

    def test_blocks_in_blocks(self):
        first, second = ap.Context(), ap.Context()
        outer = ap.default_context()
        with first, second, first:
            self.assertIs(ap.default_context(), first)
        self.assertIs(ap.default_context(), outer)


class Predictions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = cls.fitted()

    @classmethod
    def fitted(cls):
        cls.table = {"x": [1.0, 2.0, 3.0, 4.0], "c": ["a", "b", "a", "b"], "y": [0, 0, 1, 1]}
        steps = [ap.OneHotEncoder(columns=["c"], handle_unknown="ignore"), ap.LogisticRegression()]
        return ap.Pipeline(steps).fit(cls.table, target="y")

    def test_a_dict_of_single_values_is_one_row(self):
        row = {"x": 1.0, "c": "a"}
        one = self.model.predict_proba([row])
        self.assertEqual([list(p) for p in self.model.predict_proba(row)], [list(p) for p in one])
        self.assertEqual([list(p) for p in self.model.to_package().predict_proba(row)], [list(p) for p in one])

    def test_a_report_has_its_confusion_matrix_beside_the_metrics_asked_for(self):
        report = self.model.evaluate(self.table, metrics=["accuracy"])
        self.assertEqual(list(report), ["accuracy"])
        self.assertEqual([list(row) for row in report.confusion_matrix], [[2, 0], [0, 2]])
        self.assertFalse(hasattr(ap.Report({}), "confusion_matrix"))

    def test_predictions_of_a_table_in_memory_are_shown(self):
        table = ap.dataset(self.table)
        self.assertRegex(repr(self.model.predict_proba(table)), r"(?s)^probability\n.*0\.\d+\n4 rows$")

    def test_the_function_of_a_scorer_outlives_its_rebuilding(self):
        """A text longer than the scorer's room for it makes the struct anew; freed memory is overwritten in this process."""
        done = python(
            """
import aipipe as ap
steps = [ap.OneHotEncoder(columns=["c"], handle_unknown="ignore"), ap.LogisticRegression()]
table = {"x": [1.0, 2.0, 3.0, 4.0], "c": ["a", "b", "a", "b"], "y": [0, 0, 1, 1]}
scorer = ap.Pipeline(steps).fit(table, target="y").scorer()
function = scorer.__call__
want = function(1.0, "a")
for n in (1_000, 10_000, 100_000):
    function(1.0, "z" * n)
    assert function(1.0, "a") == want == scorer(1.0, "a")
print("done")
""",
            MALLOC_PERTURB_="165",
        )
        self.assertEqual(done.stdout, "done\n")

    def test_times_with_a_zone_reach_a_scorer(self):
        at = [datetime.datetime(2020, 1, day, tzinfo=datetime.timezone.utc) for day in (6, 7, 11, 12)]
        steps = [ap.Derive(d="weekday(at, 'UTC')"), ap.Select(columns=["d"]), ap.LogisticRegression()]
        model = ap.Pipeline(steps).fit({"at": at, "y": [0, 0, 1, 1]}, target="y")
        want = [p[1] for p in model.predict_proba({"at": at})]
        self.assertEqual([model.scorer()(one) for one in at], want)


if __name__ == "__main__":
    unittest.main()
