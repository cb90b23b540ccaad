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

    def test_a_file_with_rows_that_do_not_fit(self):
        path = self.write("t.csv", "a,b\n1,x\n2\n3,y\n")
        found = ap.inspect(path)
        self.assertEqual((found.to_dict()["rows"], found.to_dict()["rejected"]), (2, 1))
        self.assertIn(f"{path}:3:", repr(found))
        self.assertIn("1 rows rejected", repr(found))
        with self.assertRaises(ap.DataError):
            ap.inspect(path, on_bad_row="error")
        self.assertEqual(ap.inspect([path, path]).to_dict()["rows"], 4)

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
