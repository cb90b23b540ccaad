"""What inspect says of a table, against counts by hand and by Python's statistics module."""

import statistics
import unittest

from support import FolderTest, ap


class Inspect(FolderTest):
    def test_numbers_texts_and_missing_values(self):
        values = [float(i * i % 101) for i in range(1000)]
        found = ap.inspect({"v": [*values, None], "s": ["a"] * 600 + ["b"] * 400 + [None]})
        v, s = found["v"], found["s"]
        self.assertEqual((v["type"], v["missing"], v["min"], v["max"]), ("float64", 1, min(values), max(values)))
        self.assertEqual(v["distinct"], len(set(values)))
        self.assertAlmostEqual(v["mean"], statistics.fmean(values), places=12)
        self.assertEqual(v["quantiles"]["0.5"], statistics.median(values))
        self.assertEqual(sum(v["histogram"]), 1000)
        self.assertEqual(s["top"][:2], [{"value": "a", "count": 600}, {"value": "b", "count": 400}])
        self.assertEqual(found.to_dict()["rows"], 1001)

    def test_infinities_are_floats(self):
        inf = float("inf")
        found = ap.inspect({"v": [1.0, 2.0, inf], "both": [inf, -inf, 1.5], "s": ["Infinity", "NaN", "x"]})
        v, both = found["v"], found["both"]
        self.assertEqual((v["min"], v["max"], v["mean"], v["quantiles"]["0.95"]), (1, inf, inf, inf))
        self.assertEqual((sum(v["histogram"]), both["min"], both["max"]), (2, -inf, inf))
        self.assertNotEqual(both["mean"], both["mean"])  # NaN
        self.assertEqual(found.to_dict()["head"][0], {"v": 1.0, "both": inf, "s": "Infinity"})
        self.assertRegex(repr(found), r"(?m)^v +float64 +0 +3 +1 +inf +inf ")

    def test_a_file_of_a_format_without_bad_rows(self):
        path = self.path("t.arrow")
        ap.dataset({"a": [1, 2, None], "b": ["x", "y", "x"]}).write_arrow(path)
        found = ap.inspect(path)
        self.assertEqual((found.to_dict()["rows"], found.to_dict()["rejected"], found["a"]["missing"]), (3, 0, 1))
        self.assertEqual(found.to_dict()["explained"], {"path": path, "format": "arrow"})
        with self.assertRaises(ap.ParamError):  # what was asked for is not left out
            ap.inspect(path, on_bad_row="reject")

    def test_a_file_with_rows_that_do_not_fit(self):
        path = self.write("t.csv", "a,b\n1,x\n2\n3,y\n")
        found = ap.inspect(path)
        self.assertEqual((found.to_dict()["rows"], found.to_dict()["rejected"]), (2, 1))
        self.assertIn(f"{path}:3:", repr(found))
        self.assertIn("1 rows rejected", repr(found))
        with self.assertRaises(ap.DataError):
            ap.inspect(path, on_bad_row="error")
        self.assertEqual(ap.inspect([path, path]).to_dict()["rows"], 4)

    def dirty(self):
        return self.write(
            "it's <dirty>.csv", "made by hand\n\nname;price\n" + "".join(f"'a;{i}';{i},5\nb;1,5\n" for i in range(40))
        )

    def test_a_dirty_file_is_explained_and_the_call_that_is_shown_reads_it(self):
        path = self.dirty()
        found = ap.inspect(path)
        explained = found.to_dict()["explained"]
        self.assertEqual((explained["path"], explained["format"]), (path, "csv"))
        wanted = {"delimiter": ";", "quote": "'", "decimal": ",", "skip_rows": 2}
        self.assertEqual({name: explained["dialect"][name] for name in wanted}, wanted)
        self.assertEqual(explained["options"], wanted)
        self.assertEqual([(c["name"], c["type"]) for c in found.to_dict()["columns"]], [("name", "utf8"), ("price", "float64")])
        self.assertRegex(repr(found), r"(?m)^delimiter +; +0\.\d\d for ;")
        self.assertRegex(repr(found), r"(?m)^price +float64 +line 4: '0,5'")
        (shown,) = [line for line in repr(found).splitlines() if line.startswith("read it with ")]
        table = eval(shown[len("read it with ") :], {"read_csv": ap.read_csv})
        self.assertEqual(table.to_dict()["price"][:3], [0.5, 1.5, 1.5])
        self.assertEqual(table.to_dict()["name"][:3], ["a;0", "b", "a;1"])
        html = found._repr_html_()
        self.assertIn("<td>skip_rows</td><td>2</td>", html)
        self.assertIn("it&#x27;s &lt;dirty&gt;.csv", html)
        self.assertNotIn("<dirty>", html)

    def test_what_is_given_is_in_the_call_and_faults_are_shown(self):
        path = self.write("t.csv", "a;b\n1;x\n2\n3;y\n")
        found = ap.inspect(path, types={"a": "utf8"}, format="csv")
        (fault,) = found.to_dict()["explained"]["faults"]
        self.assertEqual((fault["what"], fault["count"], fault["first_line"]), ("rows with too few fields", 1, 3))
        self.assertRegex(repr(found), r"(?m)^rows with too few fields +1 of 3 +line 3$")
        (shown,) = [line for line in repr(found).splitlines() if line.startswith("read it with ")]
        table = eval(shown[len("read it with ") :], {"read_csv": ap.read_csv})
        self.assertEqual(table.to_dict(), {"a": ["1", "2", "3"], "b": ["x", None, "y"]})

    def test_of_a_clean_file_only_the_dict_says_how_it_is_read(self):
        found = ap.inspect(self.write("t.csv", "a,b\n1,x\n2,y\n"))
        self.assertEqual(found.to_dict()["explained"]["options"], {})
        self.assertNotIn("dialect", repr(found))
        self.assertNotIn("dialect", found._repr_html_())
        self.assertNotIn("explained", ap.inspect({"a": [1]}).to_dict())
        lines = self.write("t.ndjson", '{"a": 1}\n')
        self.assertEqual(ap.inspect(lines).to_dict()["explained"], {"path": lines, "format": "ndjson"})

    def test_a_dialect_that_is_not_to_be_found_out_is_not(self):
        path = self.dirty()
        found = ap.inspect(path, detect="none")
        self.assertEqual(found.to_dict()["explained"]["dialect"]["delimiter"], ",")
        self.assertNotIn("price", [column["name"] for column in found.to_dict()["columns"]])

    def test_text_and_html_show_every_column_and_escape(self):
        found = ap.inspect({"<n>": [1, 2], "s": ["<b>", None]})
        for shown in (repr(found), str(found)):
            self.assertIn("<n>", shown)
            self.assertIn("2 rows, 2 columns", shown)
        self.assertIn("&lt;n&gt;", found._repr_html_())
        self.assertNotIn("<b>", found._repr_html_())

    def test_what_is_wrong_is_refused(self):
        with self.assertRaisesRegex(TypeError, "'delimiter' is an option of files"):
            ap.inspect({"a": [1]}, delimiter=";")
        with self.assertRaisesRegex(KeyError, "there are a"):
            ap.inspect({"a": [1]})["b"]
        with self.assertRaises(ap.ParamError):
            ap.inspect({"a": [1]}, head=-1)
        with self.assertRaises(FileNotFoundError):
            ap.inspect(self.path("none.csv"))

    def test_it_gives_a_copy(self):
        found = ap.inspect({"a": [1]})
        found.to_dict()["columns"].clear()
        self.assertEqual(len(found.to_dict()["columns"]), 1)


if __name__ == "__main__":
    unittest.main()
