"""Arrow IPC beside pyarrow and polars, as pinned for the oracle: each reads what the other wrote. Their own results are what is
expected."""

import os
import random
import tempfile
import unittest

import polars as pl
import pyarrow as pa
from heavy_tables import plain, table
from pyarrow import feather, ipc
from support import ap


def read_theirs(path):
    reader = ipc.open_stream(path) if path.endswith("s") else ipc.open_file(path)
    rows = reader.read_all()
    rows.validate(full=True)
    return rows


class ArrowFiles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write_theirs(self, rows, path, **options):
        chunk = options.pop("max_chunksize", None)
        make = ipc.new_stream if path.endswith("s") else ipc.new_file
        with make(path, rows.schema, options=ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(rows, max_chunksize=chunk)

    def test_pyarrow_reads_what_is_written(self):
        theirs = table()
        for name in ("a.arrow", "a.arrows"):
            for compression in (None, "zstd"):
                ap.dataset(theirs).write_arrow(self.path(name), compression=compression)
                self.assertTrue(plain(read_theirs(self.path(name))).equals(plain(theirs)), (name, compression))

    def test_what_pyarrow_writes_is_read(self):
        theirs = table()
        for name in ("a.arrow", "a.arrows"):
            for compression in (None, "lz4", "zstd"):
                for chunk in (None, 1_000, 70_000):  # also one batch of all rows, which is cut
                    for old in (False, True):
                        self.write_theirs(
                            theirs, self.path(name), compression=compression, max_chunksize=chunk, use_legacy_format=old
                        )
                        ours = ap.read_arrow(self.path(name))
                        self.assertTrue(plain(ours.to_arrow()).equals(plain(theirs)), (name, compression, chunk, old))

    def test_some_columns_of_a_large_batch_are_those_columns(self):
        theirs = table()
        for name in ("a.arrow", "a.arrows"):
            self.write_theirs(theirs, self.path(name))
            ours = ap.read_arrow(self.path(name), columns=["text", "i32", "flag"])
            self.assertTrue(ours.to_arrow().equals(theirs.select(["text", "i32", "flag"])))
            self.assertEqual(len(ap.read_arrow(self.path(name), columns=[])), theirs.num_rows)

    def test_an_extension_type_is_its_storage_and_the_log_says_so(self):
        lines = []
        context = ap.Context(log=lambda level, task, message: lines.append(message))
        fields = [
            pa.field("id", pa.binary(16), metadata={"a": "b", "ARROW:extension:name": "arrow.uuid"}),
            pa.field("n", pa.int32(), metadata={"unit": "m"}),
        ]
        theirs = pa.table([pa.array([bytes(range(16))]), pa.array([1], pa.int32())], schema=pa.schema(fields))
        for name in ("a.arrow", "a.arrows"):
            lines.clear()
            self.write_theirs(theirs, self.path(name))
            self.assertEqual(ap.read_arrow(self.path(name), context=context).to_arrow()["id"].to_pylist(), [bytes(range(16))])
            said = "column 'id' has the Arrow extension type \"arrow.uuid\", which is not kept: it is binary here"
            self.assertEqual(lines, [said])

    def test_feather(self):
        theirs = table().select(["i64", "text"])
        for compression in ("uncompressed", "lz4", "zstd"):
            feather.write_feather(theirs, self.path("a.feather"), compression=compression)
            self.assertTrue(ap.read(self.path("a.feather")).to_arrow().equals(theirs))
        ap.dataset(theirs).write(self.path("b.feather"))
        self.assertTrue(feather.read_table(self.path("b.feather")).equals(theirs))

    def test_polars_both_ways(self):
        theirs = pl.from_arrow(table().drop_columns(["money", "word"]))
        for name, read in (("a.arrow", pl.read_ipc), ("a.arrows", pl.read_ipc_stream)):
            ap.dataset(theirs).write_arrow(self.path(name))
            self.assertTrue(read(self.path(name)).equals(theirs))
            for compression in ("uncompressed", "lz4", "zstd"):
                write = theirs.write_ipc_stream if name.endswith("s") else theirs.write_ipc
                write(self.path(name), compression=compression)
                ours = ap.read_arrow(self.path(name)).to_polars()
                self.assertTrue(ours.equals(theirs), (name, compression))

    def test_batches_with_dictionaries_of_their_own(self):
        rng = random.Random(7)
        parts = [[rng.choice("abcdefgh"[: k + 2]) for _ in range(50)] + [None] for k in range(6)]
        rng.shuffle(parts)
        theirs = pa.table({"word": pa.chunked_array([pa.array(p).dictionary_encode() for p in parts])})
        expected = [w for p in parts for w in p]
        for name in ("a.arrow", "a.arrows"):
            for compression in (None, "zstd"):
                ap.dataset(theirs).write_arrow(self.path(name), compression=compression)
                self.assertEqual(read_theirs(self.path(name))["word"].to_pylist(), expected)
                self.assertEqual(ap.read_arrow(self.path(name)).to_arrow()["word"].to_pylist(), expected)
        options = ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        grown = [pa.array(["a", "b"]), pa.array(["a", "b", "c"]), pa.array(["a", "b", "c", "d"])]
        for name, make in (("d.arrow", ipc.new_file), ("d.arrows", ipc.new_stream)):
            batches = [pa.record_batch({"w": pa.DictionaryArray.from_arrays(pa.array([0, len(g) - 1]), g)}) for g in grown]
            with make(self.path(name), batches[0].schema, options=options) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            self.assertEqual(ap.read_arrow(self.path(name)).to_arrow()["w"].to_pylist(), ["a", "b", "a", "c", "a", "d"])

    def test_values_that_no_type_holds_are_refused_by_column_and_row(self):
        for name, values in (
            ("u", pa.array([1, 2**63], pa.uint64())),
            ("t", pa.array([1000, 1001], pa.timestamp("ns"))),
        ):
            self.write_theirs(pa.table({name: values}), self.path("a.arrow"))
            with self.assertRaisesRegex(ap.DataError, f"column '{name}', row 1"):
                ap.read_arrow(self.path("a.arrow")).collect()
        self.write_theirs(pa.table({"n": [1], "k": [[1]]}), self.path("a.arrow"))
        with self.assertRaisesRegex(ap.UnsupportedError, "column 'k' has the Arrow type list"):
            ap.read_arrow(self.path("a.arrow"))
        self.assertEqual(ap.read_arrow(self.path("a.arrow"), columns=["n"]).to_arrow()["n"].to_pylist(), [1])


if __name__ == "__main__":
    unittest.main()
