"""A column read as a dictionary is the column of texts that it stands for: through the stages, a join, an encoder, and out into
every format, for any number of threads and any size of block. Expected values are those of the same file read as text."""

import itertools
import os
import unittest

from support import FolderTest, ap

CARRIERS = ["AA", "UA", '"D""L"', "", "NA", "München", "a carrier of more than sixteen bytes"]


class DictionaryColumns(FolderTest):
    def setUp(self):
        super().setUp()
        self.table = os.path.join(self.folder, "t.csv")
        self.names = os.path.join(self.folder, "names.csv")
        with open(self.table, "w", encoding="utf-8") as f:
            f.write("id,carrier,x\n")
            for i, carrier in zip(range(5000), itertools.cycle(CARRIERS)):
                f.write(f"{i},{carrier},{i * 37 % 101}\n")
        with open(self.names, "w", encoding="utf-8") as f:
            f.write('carrier,name\nAA,American\nUA,United\n"D""L",Delta\n')

    def read(self, kind, threads=1, block_bytes=1 << 20):
        return ap.read_csv(self.table, types={"carrier": kind}, block_bytes=block_bytes, context=ap.Context(threads=threads))

    def written(self, table, name):
        path = os.path.join(self.folder, name)
        table.write(path)
        with open(path, "rb") as f:
            return f.read()

    def test_is_the_same_texts_for_any_threads_and_blocks(self):
        expected = self.read("utf8").to_dict()
        self.assertEqual(set(expected["carrier"]), {"AA", "UA", 'D"L', None, "München", CARRIERS[-1]})
        for threads, block_bytes in itertools.product([1, 2, 8], [64, 4096, 1 << 20]):
            table = self.read("dictionary", threads, block_bytes)
            self.assertEqual(table.dtypes["carrier"], "dictionary")
            self.assertEqual(table.to_dict(), expected)

    def test_goes_through_stages_as_text_does(self):
        def stages(kind):
            table = self.read(kind, 2, 4096)
            yield table.filter("carrier == 'AA' or carrier == 'München'").to_dict()
            yield table.drop_missing().to_dict()
            yield table.derive(up="upper(carrier)", ua="carrier == 'UA'").to_dict()
            yield table.cast({"carrier": "utf8"}).to_dict()
            yield table.join(ap.read_csv(self.names, context=table.context), on="carrier", how="left").to_dict()
            fills = ap.SimpleImputer(columns=["carrier"], strategy="most_frequent")
            yield ap.Pipeline([fills, ap.OneHotEncoder(columns=["carrier"])]).fit(table).transform(table).to_dict()

        for text, codes in zip(stages("utf8"), stages("dictionary")):
            self.assertEqual(codes, text)

    def test_is_written_as_text_is(self):
        for name in ["o.csv", "o.ndjson"]:
            self.assertEqual(self.written(self.read("dictionary", 2, 4096), name), self.written(self.read("utf8"), name))
        self.written(self.read("dictionary", 2, 4096), "o.arrow")
        again = ap.read(os.path.join(self.folder, "o.arrow"))
        self.assertEqual(again.dtypes["carrier"], "dictionary")
        self.assertEqual(again.to_dict(), self.read("utf8").to_dict())

    def test_holds_valid_utf8_alone(self):
        with open(self.table, "ab") as f:
            f.write(b"5000,\xff,1\n")
        with self.assertRaisesRegex(ap.DataError, "UTF-8"):
            self.read("dictionary").to_dict()

    def test_is_read_from_json_too(self):
        self.written(self.read("utf8"), "o.ndjson")
        again = ap.read(os.path.join(self.folder, "o.ndjson"), types={"carrier": "dictionary"})
        self.assertEqual(again.dtypes["carrier"], "dictionary")
        self.assertEqual(again.to_dict(), self.read("utf8").to_dict())


if __name__ == "__main__":
    unittest.main()
