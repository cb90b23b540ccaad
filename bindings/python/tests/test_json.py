"""JSON files as datasets and back. Expected values are written by hand, or come from Python's json module."""

import gzip
import json
import os
import random
import unittest

from support import FolderTest, ap


class ReadTest(FolderTest):
    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def test_lines_lists_and_their_fields(self):
        rows = '{"id": 1, "user": {"name": "Änn", "tags": ["x"]}}\n{"id": 2, "user": null}\n'
        expected = {"id": [1, 2], "user.name": ["Änn", None], "user.tags": ['["x"]', None]}
        self.assertEqual(ap.read_ndjson(self.file("a.ndjson", rows)).to_dict(), expected)
        self.assertEqual(ap.read(self.file("a.jsonl", rows)).to_dict(), expected)
        listed = "[" + ",".join(rows.splitlines()) + "]"
        self.assertEqual(ap.read_json(self.file("a.json", listed)).to_dict(), expected)
        chosen = ap.read_ndjson(self.file("a.ndjson", rows), columns={"user.name": "name"}, types={"user.name": "utf8"})
        self.assertEqual(chosen.to_dict(), {"name": ["Änn", None]})
        self.assertEqual(
            ap.read_ndjson(self.file("a.ndjson", rows), flatten_levels=0).to_dict(),
            {"id": [1, 2], "user": ['{"name": "Änn", "tags": ["x"]}', None]},
        )

    def test_what_does_not_fit(self):
        path = self.file("a.ndjson", '{"a": 1}\n{"a": "x"}\n{"a": 3, "late": 4}\n{"a":\n')
        with self.assertRaises(ap.DataError) as caught:
            ap.read_ndjson(path, infer_rows=1).collect()
        self.assertEqual((caught.exception.line, caught.exception.data_column), (2, "a"))
        table = ap.read_ndjson(path, infer_rows=1, on_bad_row="reject", fields="late", types={"late": "int64"})
        self.assertEqual(table.to_dict(), {"a": [1, 3], "late": [None, 4]})
        self.assertEqual(table.rejects.to_dict()["line"], [2, 4])
        self.assertEqual(ap.read_ndjson(path, infer_rows=1, on_bad_row="null", max_rejects=1).to_dict(), {"a": [1, None, 3]})
        with self.assertRaises(ap.DataError):
            ap.read_ndjson(path, infer_rows=1, on_bad_row="reject", unknown_fields="bad", max_rejects=2).collect()

    def test_the_same_values_as_pythons_json(self):
        draw = random.Random(4)
        text = ["", "plain", 'q"\\/\b\f\n\r\t', "ü", "日本", "😀" * 20, "\x00\x1f\x7f", "x" * 200]
        rows = [
            {
                "i": draw.choice([0, -1, 2**63 - 1, -(2**63), draw.randrange(10**12), None]),
                "f": draw.choice([0.5, -0.0, 5e-324, 1.7976931348623157e308, draw.random(), draw.uniform(-1e6, 1e6), None]),
                "b": draw.choice([True, False, None]),
                "t": "".join(draw.choice(text) for _ in range(draw.randrange(4))),
                "o": {"x": draw.randrange(10), "y": {"z": draw.choice(text)}},
            }
            for _ in range(3000)
        ]
        expected = [{**{k: r[k] for k in "ifbt"}, "o.x": r["o"]["x"], "o.y.z": r["o"]["y"]["z"]} for r in rows]
        for ascii_only in (True, False):
            for separators in ((",", ":"), (", ", ": ")):
                made = [json.dumps(r, ensure_ascii=ascii_only, separators=separators) for r in rows]
                for block_bytes in (64, 1000, 1048576):
                    found = ap.read_ndjson(self.file("a.ndjson", "\n".join(made)), block_bytes=block_bytes)
                    self.assertEqual(found.to_records(), expected)
                    found = ap.read_json(self.file("a.json", "[\n  " + ",\n  ".join(made) + "\n]\n"), block_bytes=block_bytes)
                    self.assertEqual(found.to_records(), expected)
        made = json.dumps(rows, indent=4)
        self.assertEqual(ap.read_json(self.file("b.json", made)).to_records(), expected)


class WriteTest(FolderTest):
    def test_lines_and_lists(self):
        table = ap.dataset({"a": [1, None], "b": ["x\n", "ü"], "f": [0.1, float("inf")]})
        path = os.path.join(self.folder, "a.ndjson.gz")
        with self.assertRaisesRegex(ap.DataError, "non_finite"):
            table.write_ndjson(path)
        table.write_ndjson(path, non_finite="null")
        with gzip.open(path, "rt", encoding="utf-8") as f:
            self.assertEqual([json.loads(line) for line in f], [{"a": 1, "b": "x\n", "f": 0.1}, {"a": None, "b": "ü", "f": None}])
        path = os.path.join(self.folder, "a.json")
        table.write_json(path, non_finite="text", omit_nulls=True)
        with open(path, encoding="utf-8") as f:
            self.assertEqual(json.load(f), [{"a": 1, "b": "x\n", "f": 0.1}, {"b": "ü", "f": "inf"}])


if __name__ == "__main__":
    unittest.main()
