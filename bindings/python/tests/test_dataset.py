"""Datasets from Python's values and files, through the table stages, and back. Expected values are written by hand."""

import array
import collections
import csv
import datetime as dt
import decimal
import gzip
import math
import os
import unittest
import zoneinfo

from support import FolderTest, ap, held_for_the_library

UTC = dt.timezone.utc
TABLE = {
    "flag": [True, None, False],
    "whole": [1, None, -(2**63)],
    "real": [1.5, None, -0.0],
    "text": ["x", None, "ünï\n'q\""],
    "bytes": [b"\x00\xff", None, b""],
    "day": [dt.date(1960, 2, 29), None, dt.date(9999, 12, 31)],
    "wall": [dt.datetime(2020, 1, 1, 1, 2, 3, 4), None, dt.datetime(1, 1, 1)],
    "instant": [dt.datetime(2020, 1, 1, tzinfo=UTC), None, dt.datetime(2020, 7, 1, 12, tzinfo=UTC)],
    "money": [decimal.Decimal("1.25"), None, decimal.Decimal("-9999.90")],
}
TYPES = {
    "flag": "bool",
    "whole": "int64",
    "real": "float64",
    "text": "utf8",
    "bytes": "binary",
    "day": "date32",
    "wall": "timestamp",
    "instant": "timestamp[UTC]",
    "money": "decimal64(2)",
}


class FromPython(unittest.TestCase):
    def test_a_dict_of_columns_comes_back_as_it_was(self):
        table = ap.dataset(TABLE)
        self.assertEqual(table.dtypes, TYPES)
        self.assertEqual(table.to_dict(), TABLE)
        self.assertEqual(len(table), 3)

    def test_records_come_back_as_they_were(self):
        rows = [dict(zip(TABLE, values)) for values in zip(*TABLE.values())]
        self.assertEqual(ap.dataset(rows).to_records(), rows)

    def test_a_key_that_a_record_lacks_is_null(self):
        self.assertEqual(ap.dataset([{"a": 1}, {"b": "x"}]).to_dict(), {"a": [1, None], "b": [None, "x"]})

    def test_it_can_be_read_again_and_again(self):
        table = ap.dataset({"a": [1, 2]})
        self.assertEqual([table.to_dict() for _ in range(3)], [{"a": [1, 2]}] * 3)

    def test_more_rows_than_a_batch_holds(self):
        n = 200_000
        values = [None if i % 7 == 0 else i for i in range(n)]
        texts = [f"é{i}" if i % 2 else "" for i in range(n)]
        table = ap.dataset({"i": values, "s": texts, "b": [i % 3 == 0 for i in range(n)]})
        self.assertEqual(table.to_dict(), {"i": values, "s": texts, "b": [i % 3 == 0 for i in range(n)]})

    def test_an_empty_table_keeps_its_columns(self):
        for table in ({"a": array.array("d")}, {"a": []}):
            made = ap.dataset(table)
            self.assertEqual((made.columns, len(made), made.to_dict(), made.to_records()), (["a"], 0, {"a": []}, []))

    def test_whole_and_real_numbers_together_are_real(self):
        self.assertEqual(ap.dataset({"a": [1, 2.5, None]}).dtypes, {"a": "float64"})
        self.assertEqual(ap.dataset({"a": [True, 2]}).to_dict(), {"a": [1, 2]})

    def test_a_nan_stays_a_number_and_among_texts_is_null(self):
        self.assertTrue(math.isnan(ap.dataset({"a": [1.0, math.nan]}).to_dict()["a"][1]))
        self.assertEqual(ap.dataset({"a": ["x", math.nan]}).to_dict(), {"a": ["x", None]})

    def test_a_column_without_a_value_is_text(self):
        table = ap.dataset({"a": [None, None]})
        self.assertEqual((table.dtypes, table.to_dict()), ({"a": "utf8"}, {"a": [None, None]}))

    def test_memory_of_arrays_is_taken_by_its_type(self):
        for code, dtype in [
            ("b", "int32"),
            ("B", "int32"),
            ("h", "int32"),
            ("I", "int64"),
            ("q", "int64"),
            ("f", "float32"),
            ("d", "float64"),
        ]:
            table = ap.dataset({"a": array.array(code, [1, 2, 3])})
            self.assertEqual((table.dtypes["a"], table.to_dict()["a"]), (dtype, [1, 2, 3]), code)

    def test_rows_as_lists_get_names(self):
        self.assertEqual(ap.dataset([[1, "a"], [2, "b"]]).to_dict(), {"x0": [1, 2], "x1": ["a", "b"]})
        self.assertEqual(ap.dataset([(1, "a")], names=["n", "s"]).to_dict(), {"n": [1], "s": ["a"]})

    def test_any_mapping_and_any_iterable_will_do(self):
        self.assertEqual(
            ap.dataset(collections.OrderedDict(a=range(3), b=(c for c in "xyz"))).to_dict(), {"a": [0, 1, 2], "b": list("xyz")}
        )

    def test_times_of_other_zones_are_the_same_instants(self):
        berlin = dt.datetime(2020, 7, 1, 14, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
        self.assertEqual(ap.dataset({"t": [berlin]}).to_dict()["t"], [dt.datetime(2020, 7, 1, 12, tzinfo=UTC)])

    def test_what_no_column_can_hold_is_refused_by_name(self):
        for values, kind in [
            ([1, "x"], TypeError),
            ([object()], TypeError),
            ([{}], TypeError),
            ([2**63], OverflowError),
            ([decimal.Decimal("NaN")], ValueError),
            ([decimal.Decimal(10**18)], OverflowError),
            ([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=UTC)], TypeError),
            ([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)], TypeError),
            (5, TypeError),
            ("text", TypeError),
        ]:
            with self.assertRaisesRegex(kind, "'the column'"):
                ap.dataset({"the column": values})

    def test_columns_of_different_lengths_are_refused(self):
        with self.assertRaisesRegex(ValueError, "'b' has 1 values and 'a' 2"):
            ap.dataset({"a": [1, 2], "b": [1]})
        with self.assertRaises(ValueError):
            ap.dataset([[1, 2], [3]])

    def test_what_is_no_table_is_refused(self):
        for thing in (5, "a.csv", None, object()):
            with self.assertRaisesRegex(TypeError, "expected a dict of columns"):
                ap.dataset(thing)

    def test_nothing_stays_behind(self):
        before = held_for_the_library()
        for _ in range(10):
            ap.dataset(TABLE).derive(x="whole + 1").collect().to_dict()
        self.assertLessEqual(held_for_the_library(), before)


class Looks(unittest.TestCase):
    def test_a_table_in_memory_shows_its_rows(self):
        shown = repr(ap.dataset({"n": [1, None], "s": ["a", "<b>"]}))
        self.assertEqual(shown, "    n  s\nint64  utf8\n    1  a\n null  <b>\n2 rows")

    def test_a_table_that_was_not_read_shows_its_columns_and_reads_nothing(self):
        calls = []

        def rows():
            calls.append(1)
            yield {"n": [1]}

        table = ap.from_batches(rows, {"n": "int64"})
        self.assertIn("not read yet", repr(table))
        self.assertEqual(calls, [])

    def test_html_is_escaped(self):
        page = ap.dataset({"<n>": ["<b>&"]})._repr_html_()
        self.assertIn("&lt;b&gt;&amp;", page)
        self.assertNotIn("<b>", page)

    def test_schema_is_found_by_name_and_place(self):
        schema = ap.dataset(TABLE).schema
        self.assertEqual(schema.names, list(TABLE))
        self.assertEqual((schema["instant"].zone, schema["money"].scale, schema[0].type), ("UTC", 2, "bool"))
        self.assertIn("day", schema)
        with self.assertRaisesRegex(KeyError, "no column 'none'"):
            schema["none"]

    def test_a_schema_prints_and_parses_its_types(self):
        for name, dtype in TYPES.items():
            self.assertEqual(ap.Field.parse(name, dtype).dtype, dtype)
        for wrong in ("int", "int64[UTC]", "utf8(2)", "", "decimal64[2]"):
            with self.assertRaisesRegex(ValueError, "unknown type"):
                ap.Field.parse("a", wrong)

    def test_a_table_without_rows_is_true_and_a_closed_one_says_so(self):
        table = ap.dataset({"a": []})
        self.assertTrue(table)
        with table:
            pass
        self.assertEqual(repr(table), "<aipipe.Dataset: closed>")
        with self.assertRaises(ap.MisuseError):
            table.count()


class Files(FolderTest):
    def test_options_of_read_csv_and_its_kin_are_those_of_the_catalogue_with_its_defaults(self):
        import inspect

        all_formats = {p["name"]: p.get("default") for p in ap.default_context().catalog("operator.read")["params"]}
        formats = {
            n: {p["name"] for p in ap.default_context().catalog(f"format.{n}")["params"]} for n in ("csv", "ndjson", "json")
        }
        others = {"path", "format", "checkpoint"}
        of_files = set(all_formats) - set().union(*formats.values()) - others
        for read, format, more in (
            (ap.read_csv, "csv", {"checkpoint"}),
            (ap.read_ndjson, "ndjson", {"checkpoint"}),
            (ap.read_json, "json", set()),
        ):
            mine = {
                name: parameter.default
                for name, parameter in inspect.signature(read).parameters.items()
                if name not in ("path", "context")
            }
            self.assertEqual(set(mine), formats[format] | of_files | more)
            for name, default in mine.items():
                default = {} if name == "types" else list(default) if isinstance(default, tuple) else default
                self.assertEqual(default, all_formats[name], name)
                if read is not ap.read_json:  # which refers to read_ndjson
                    self.assertIn(f"{name}:", read.__doc__)

    def test_stages_have_methods_with_the_catalogues_parameters(self):
        import inspect

        for stage in ("select", "drop", "rename", "cast", "filter", "drop_missing", "join"):
            known = {p["name"]: p for p in ap.default_context().catalog(f"stage.{stage}")["params"]}
            parameters = inspect.signature(getattr(ap.Dataset, stage)).parameters
            self.assertEqual(set(parameters) - {"self", "other"}, set(known), stage)
            for name, entry in known.items():
                if "default" in entry:
                    self.assertEqual(parameters[name].default, entry["default"], (stage, name))

    def test_reads_what_the_csv_module_wrote(self):
        rows = [["a", "b"], ["1", 'quo"ted, x'], ["2", "line\nfeed"]]
        with open(self.path("t.csv"), "w", newline="") as stream:
            csv.writer(stream).writerows(rows)
        table = ap.read_csv(self.path("t.csv"))
        self.assertEqual(table.to_dict(), {"a": [1, 2], "b": ['quo"ted, x', "line\nfeed"]})

    def test_writes_what_the_csv_module_reads(self):
        counts = ap.dataset({"a": [1, None], "b": ["x,", 'y"']}).write_csv(self.path("deep/er/t.csv.gz"))
        self.assertEqual(counts, ap.RowCounts(2, 2, 0, 0))
        with gzip.open(self.path("deep/er/t.csv.gz"), "rt", newline="") as stream:
            self.assertEqual(list(csv.reader(stream)), [["a", "b"], ["1", "x,"], ["", 'y"']])

    def test_many_files_paths_as_objects_and_renamed_columns(self):
        import pathlib

        self.write("f1.csv", "a,b\n1,x\n")
        self.write("f2.csv", "a,b\n2,y\n")
        folder = pathlib.Path(self.folder)
        table = ap.read_csv([folder / "f1.csv", folder / "f2.csv"], columns={"b": "B"}, include_path="from")
        self.assertEqual([os.path.basename(p) for p in table.to_dict()["from"]], ["f1.csv", "f2.csv"])
        self.assertEqual(ap.read_csv(folder / "f*.csv").to_dict(), {"a": [1, 2], "b": ["x", "y"]})

    def test_rejects_and_row_counts_account_for_every_row(self):
        path = self.write("t.csv", "a,b\n1,2\nx,3\n4\n5,6\n")
        table = ap.read_csv(path, types={"a": "int64"}, on_bad_row="reject").filter("a < 5")
        self.assertEqual(table.row_counts, ap.RowCounts(rows_in=4, rows_out=1, rows_rejected=2, rows_filtered=1))
        rejects = table.rejects.to_records()
        self.assertEqual([(r["line"], r["raw"]) for r in rejects], [(3, "x,3"), (4, "4")])
        self.assertEqual({r["source"] for r in rejects}, {path})

    def test_all_rejects_go_to_a_file_and_types_are_promoted(self):
        self.write("dirty.csv", "a,b\n1,x\n2\nz,y\n")
        table = ap.read_csv(self.path("dirty.csv"), types={"a": "int64"}, on_bad_row="reject", rejects=self.path("rejects.csv"))
        self.assertEqual(table.to_dict(), {"a": [1], "b": ["x"]})
        rejects = ap.read_csv(self.path("rejects.csv")).to_dict()
        self.assertEqual(rejects["line"], [3, 4])
        self.assertEqual(rejects["reason"], ["expected 2 columns, found 1", "expected int64, found 'z'"])
        self.write("late.csv", "a\n1\n2.5\n")
        table = ap.read_csv(self.path("late.csv"), infer_rows=1, on_bad_row="promote")
        self.assertEqual(table.to_dict(), {"a": [1.0, 2.5]})

    def test_a_file_that_grows_is_read_on_from_its_checkpoint(self):
        def run():
            table = ap.read_csv(self.path("log.csv"), checkpoint=self.path("log.json"))
            return table.filter("n != 2").write(self.path("out.csv")).rows_in

        self.write("log.csv", "n,t\n1,a\n2,b\n3,")
        self.assertEqual(run(), 2)
        self.assertEqual(run(), 0)
        with open(self.path("log.csv"), "a", encoding="utf-8") as stream:
            stream.write("c\n4,d\n")
        self.assertEqual(run(), 2)
        found = ap.read_csv(self.path("out-*.csv")).to_dict()
        self.assertEqual(found, {"n": [1, 3, 4], "t": ["a", "c", "d"]})
        self.write("log.csv", "n,t\n")
        with self.assertRaisesRegex(ap.Error, "it shrank since it was read to byte 20"):
            run()

    def test_head_reads_no_more_than_it_needs(self):
        path = self.write("t.csv", "a\n" + "1234567\n" * 2_000_000 + "x\n")
        table = ap.read_csv(path, types={"a": "int64"})
        self.assertEqual(table.head(3).to_dict(), {"a": [1234567] * 3})
        with self.assertRaises(ap.DataError):
            table.count()


class Stages(unittest.TestCase):
    def setUp(self):
        self.table = ap.dataset({"k": [1, 2, 3, 2], "v": [0.5, None, math.nan, 4.0], "s": ["a", "b", None, "d"]})

    def test_select_drop_and_rename(self):
        self.assertEqual(self.table.select(["s", "k"]).columns, ["s", "k"])
        self.assertEqual(self.table.select("numeric").columns, ["k", "v"])
        self.assertEqual(self.table["s"].columns, ["s"])
        self.assertEqual(self.table[["s", "v"]].columns, ["s", "v"])
        self.assertEqual(self.table.drop("s").columns, ["k", "v"])
        self.assertEqual(self.table.rename({"k": "key"}).columns, ["key", "v", "s"])

    def test_filter_and_derive(self):
        made = self.table.derive(double="k * 2", more="double + 1").filter("k = 2")
        self.assertEqual(made.to_dict()["more"], [5, 5])
        self.assertEqual(
            self.table.derive(**{"odd name": ap.col("k") + 1}).select(["odd name"]).to_dict(), {"odd name": [2, 3, 4, 3]}
        )

    def test_missing_values_are_counted_and_dropped(self):
        self.assertEqual(self.table.count(missing=True), {"k": 0, "v": 2, "s": 1})
        self.assertEqual(self.table.drop_missing().to_dict(), {"k": [1, 2], "v": [0.5, 4.0], "s": ["a", "d"]})
        self.assertEqual(len(self.table.drop_missing("v", nan_is_missing=False)), 3)
        self.assertEqual(len(self.table.drop_missing(how="all")), 4)

    def test_cast(self):
        self.assertEqual(self.table.cast({"k": "float32"}).dtypes["k"], "float32")
        with self.assertRaises(ap.DataError):
            self.table.cast({"s": "int64"}).collect()
        self.assertEqual(self.table.cast({"s": "int64"}, on_bad_cell="null").to_dict()["s"], [None] * 4)

    def test_join_takes_whatever_is_a_table(self):
        right = {"k": [1, 2], "name": ["one", "two"], "v": [7, 8]}
        self.assertEqual(
            self.table.join(right, on="k").select(["k", "name", "v_right"]).to_records(),
            [
                {"k": 1, "name": "one", "v_right": 7},
                {"k": 2, "name": "two", "v_right": 8},
                {"k": 2, "name": "two", "v_right": 8},
            ],
        )
        left = self.table.join(right, on="k", how="left", suffix="_2")
        self.assertEqual((left.to_dict()["name"], left.columns), (["one", "two", None, "two"], ["k", "v", "s", "name", "v_2"]))

    def test_a_repeated_key_of_the_right_table_is_an_error(self):
        with self.assertRaises(ap.DataError):
            self.table.join({"k": [1, 1], "x": [1, 2]}, on="k").count()

    def test_stages_are_lazy(self):
        passes = []

        def rows():
            passes.append(1)
            yield {"a": [1, 2]}

        made = ap.from_batches(rows, {"a": "int64"}).derive(b="a + 1").filter("b > 2")
        self.assertEqual(passes, [])
        self.assertEqual(made.to_dict(), {"a": [2], "b": [3]})
        self.assertEqual(passes, [1])

    def test_transform_refuses_what_gives_no_dataset(self):
        class Wrong:
            def transform(self, table):
                return 5

        with self.assertRaisesRegex(TypeError, "Wrong gave int"):
            self.table.transform(Wrong())


class Splits(unittest.TestCase):
    # The rows that scikit-learn 1.5.2 chooses: train_test_split(range(10), test_size=3, random_state=1)
    TEST = (2, 6, 9)

    def test_a_dataset_in_scikit_learns_rows(self):
        train, test = ap.train_test_split(ap.dataset({"x": list(range(10))}), test_size=3, random_state=1)
        self.assertEqual(
            (test.to_dict()["x"], train.to_dict()["x"]), (list(self.TEST), [i for i in range(10) if i not in self.TEST])
        )

    def test_lists_and_tuples_in_the_same_rows(self):
        x, y = list(range(10)), tuple("abcdefghij")
        a, b, c, d = ap.train_test_split(x, y, test_size=3, random_state=1)
        self.assertEqual((b, d), (list(self.TEST), ("c", "g", "j")))
        self.assertEqual((sorted(a + b), len(c)), (x, 7))

    def test_classes_in_equal_proportion(self):
        classes = ["a"] * 8 + ["b"] * 4
        _, _, train, test = ap.train_test_split(list(range(12)), classes, test_size=0.25, random_state=0, stratify=classes)
        self.assertEqual((train.count("b"), test.count("b")), (3, 1))
        parts = ap.dataset({"c": classes}).split(test_size=0.25, stratify="c")
        self.assertEqual([part.to_dict()["c"].count("b") for part in parts], [3, 1])

    def test_what_does_not_fit_together_is_refused(self):
        with self.assertRaisesRegex(ValueError, "10 and 9 rows"):
            ap.train_test_split(list(range(10)), list(range(9)))
        with self.assertRaises(TypeError):
            ap.train_test_split()
        with self.assertRaises(TypeError):
            ap.train_test_split(ap.dataset({"a": [1]}), [1])
        with self.assertRaises(ap.ParamError):
            ap.train_test_split(list(range(4)), test_size=2.5)


if __name__ == "__main__":
    unittest.main()
