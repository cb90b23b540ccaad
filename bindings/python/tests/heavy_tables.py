"""NumPy, pandas, polars and pyarrow, as pinned for the oracle: their tables cross both ways with their values, and without a copy
where Arrow allows. Their own results are what is expected."""

import datetime as dt
import decimal
import unittest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from support import ap

N = 100_000
UTC = dt.timezone.utc


def table():
    """Every type that has a place here, with nulls, over more than one batch."""
    i = np.arange(N)
    null = i % 7 == 3
    return pa.table(
        {
            "flag": pa.array(i % 2 == 0, mask=null),
            "i32": pa.array(i.astype("int32"), mask=null),
            "i64": pa.array(i * 10**12, mask=null),
            "whole": pa.array(i),
            "f32": pa.array(i.astype("float32") / 3, mask=null),
            "f64": pa.array(i / 7, mask=null),
            "text": pa.array([None if n else f"é{k}" for k, n in zip(i, null)]),
            "bytes": pa.array([None if n else b"%d" % k for k, n in zip(i, null)]),
            "word": pa.array([None if n else "abc"[k % 3] for k, n in zip(i, null)]).dictionary_encode(),
            "day": pa.array(i.astype("int32"), pa.date32(), mask=null),
            "wall": pa.array(i * 10**9, pa.timestamp("us"), mask=null),
            "instant": pa.array(i * 10**9, pa.timestamp("us", "Europe/Berlin"), mask=null),
            "money": pa.array([None if n else decimal.Decimal(int(k)).scaleb(-2) for k, n in zip(i, null)], pa.decimal128(18, 2)),
        }
    )


def plain(arrow):
    """With dictionaries as texts (codes may differ where values are the same), and decimals of the digits that 64 bits hold."""
    arrow = arrow.set_column(arrow.schema.get_field_index("money"), "money", arrow["money"].cast(pa.decimal128(19, 2)))
    return arrow.set_column(arrow.schema.get_field_index("word"), "word", arrow["word"].cast(pa.string()))


class Arrow(unittest.TestCase):
    def test_a_table_comes_back_equal(self):
        theirs = table()
        ours = ap.dataset(theirs)
        self.assertEqual(len(ours), N)
        self.assertTrue(plain(ours.to_arrow()).equals(plain(theirs)))
        self.assertTrue(plain(ours.to_arrow()).equals(plain(theirs)))  # it can be read again

    def test_slices_chunks_and_readers(self):
        theirs = table()
        for given in (
            theirs.slice(70_001, 13),
            pa.concat_tables([theirs.slice(5, 3), theirs.slice(0, 0), theirs.slice(65_000, 2_000)]),
            theirs.slice(0, 0),
        ):
            self.assertTrue(plain(ap.dataset(given).to_arrow()).equals(plain(given.unify_dictionaries())))
            reader = pa.RecordBatchReader.from_batches(given.schema, given.unify_dictionaries().to_batches())
            self.assertTrue(plain(ap.dataset(reader).to_arrow()).equals(plain(given.unify_dictionaries())))

    def test_a_record_batch_both_ways(self):
        batch = table().to_batches()[0]
        ours = ap.dataset(batch)
        self.assertTrue(plain(ours.to_arrow()).equals(plain(pa.table(batch))))
        rows = [pa.record_batch(b) for b in ours]
        self.assertTrue(plain(pa.Table.from_batches(rows).unify_dictionaries()).equals(plain(pa.table(batch))))

    def test_the_schema_alone(self):
        self.assertEqual(pa.schema(ap.dataset({"a": [1], "s": ["x"]})), pa.schema({"a": pa.int64(), "s": pa.string()}))

    def test_types_widen_and_views_are_read(self):
        theirs = pa.table(
            {
                "u8": pa.array([1, None], pa.uint8()),
                "u64": pa.array([1, None], pa.uint64()),
                "f16": pa.array(np.array([1.5, 2.5], dtype="float16")),
                "large": pa.array(["a", None], pa.large_string()),
                "view": pa.array(["a long text that lies outside the view", None], pa.string_view()),
                "none": pa.nulls(2),
                "day": pa.array([0, None], pa.date64()),
                "ms": pa.array([1, None], pa.timestamp("ms")),
            }
        )
        self.assertEqual(
            ap.dataset(theirs).to_records(),
            [
                {
                    "u8": 1,
                    "u64": 1,
                    "f16": 1.5,
                    "large": "a",
                    "view": "a long text that lies outside the view",
                    "none": None,
                    "day": dt.date(1970, 1, 1),
                    "ms": dt.datetime(1970, 1, 1, 0, 0, 0, 1000),
                },
                {"u8": None, "u64": None, "f16": 2.5, "large": None, "view": None, "none": None, "day": None, "ms": None},
            ],
        )

    def test_what_has_no_place_is_refused_by_name(self):
        for array in (pa.array([[1]]), pa.array([{"x": 1}]), pa.array([1], pa.time64("us"))):
            with self.assertRaisesRegex(ap.Error, "nested_or_not"):
                ap.dataset(pa.table({"nested_or_not": array}))
        with self.assertRaisesRegex(ap.DataError, "whole microseconds"):
            ap.dataset(pa.table({"ns": pa.array([1], pa.timestamp("ns"))}))

    def test_memory_is_shared_both_ways(self):
        numbers = pa.table({"a": pa.array(np.arange(1_000_000.0)), "b": pa.array(np.arange(1_000_000))})
        context = ap.Context()
        before, theirs = context.memory_used, pa.total_allocated_bytes()
        ours = ap.dataset(numbers, context=context)
        self.assertLess(context.memory_used - before, 100_000)  # of 16 MB
        back = ours.to_arrow()
        self.assertLess(context.memory_used - before, 100_000)
        self.assertLess(pa.total_allocated_bytes() - theirs, 100_000)
        first = numbers["a"].chunk(0).buffers()[1].address
        self.assertEqual(back["a"].chunk(0).buffers()[1].address, first)

    def test_what_was_shared_outlives_either_side(self):
        ours = ap.dataset(pa.table({"a": pa.array(np.arange(1_000_000))}))
        back = ours.to_arrow()
        del ours
        self.assertEqual(back["a"][999_999].as_py(), 999_999)
        self.assertEqual(ap.dataset(back).to_numpy("a").sum(), 999_999 * 500_000)


class Pandas(unittest.TestCase):
    def frame(self):
        return table().drop_columns(["money", "day"]).to_pandas()

    def test_a_frame_comes_back_equal(self):
        frame = self.frame()
        back = ap.dataset(frame).to_pandas()
        for name in frame:
            if frame[name].dtype == object or name == "word":
                self.assertEqual(
                    [None if v is np.nan else v for v in back[name]], [None if v is np.nan else v for v in frame[name]], name
                )
            else:
                pd.testing.assert_series_equal(back[name], frame[name], check_dtype=name not in ("wall", "instant"))

    def test_the_index_is_left_out_and_names_are_texts(self):
        frame = pd.DataFrame({0: [1, 2, 3], "b": [1.5, None, 2.5]}, index=[7, 8, 9]).iloc[1:]
        self.assertEqual(ap.dataset(frame).to_dict(), {"0": [2, 3], "b": [None, 2.5]})

    def test_without_pyarrow_the_same(self):
        import sys

        frame = pd.DataFrame(
            {
                "i": [1, 2, 3],
                "f": [1.5, np.nan, 3.0],
                "o": ["x", None, np.nan],
                "b": [True, False, True],
                "t": pd.to_datetime(["2020-01-01", None, "2020-02-03 04:05:06.789"], format="ISO8601"),
                "z": pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"),
                "c": pd.Categorical(["u", None, "v"]),
                "n": pd.array([1, None, 3], dtype="Int64"),
                "s": pd.array(["p", None, "q"], dtype="string"),
            }
        )
        expected = ap.dataset(frame)
        blocked = {name: sys.modules.get(name) for name in ("pyarrow",)}
        sys.modules["pyarrow"] = None
        try:
            ours = ap.dataset(frame)
            back = ours.to_pandas()
        finally:
            sys.modules.update(blocked)
        self.assertEqual(ours.to_dict(), expected.to_dict())
        theirs = expected.to_pandas()
        self.assertEqual(list(back), list(theirs))
        for name in ("i", "f", "b", "t", "z", "n"):
            pd.testing.assert_series_equal(back[name], theirs[name])

    def test_a_series_is_refused_with_what_to_do(self):
        with self.assertRaisesRegex(TypeError, "to_frame"):
            ap.dataset(pd.Series([1]))

    def test_splits_take_frames_and_series(self):
        frame, series = pd.DataFrame({"a": range(10)}, index=list("abcdefghij")), pd.Series(range(10))
        _, test, _, labels = ap.train_test_split(frame, series, test_size=3, random_state=1)
        self.assertEqual((list(test.index), list(labels)), (["c", "g", "j"], [2, 6, 9]))


class Polars(unittest.TestCase):
    def test_a_frame_comes_back_equal(self):
        frame = pl.from_arrow(table())
        back = ap.dataset(frame).to_polars()
        self.assertTrue(
            back.with_columns(pl.col("word").cast(pl.String)).equals(frame.with_columns(pl.col("word").cast(pl.String)))
        )

    def test_a_lazy_frame_is_collected(self):
        lazy = pl.DataFrame({"a": [1, 2, 3]}).lazy().filter(pl.col("a") > 1)
        self.assertEqual(ap.dataset(lazy).to_dict(), {"a": [2, 3]})

    def test_polars_takes_a_dataset_as_it_is(self):
        self.assertEqual(
            pl.DataFrame(ap.dataset({"a": [1, None], "s": ["x", "ä"]})).to_dict(as_series=False),
            {"a": [1, None], "s": ["x", "ä"]},
        )


class NumPy(unittest.TestCase):
    def test_arrays_of_every_type(self):
        for dtype in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">i4", ">f8"):
            values = np.array([0, 1, 1, 0, 1], dtype=dtype)
            self.assertEqual(ap.dataset({"a": values}).to_dict()["a"], values.tolist(), dtype)
        for values in (np.arange(10)[::3], np.arange(10.0)[::-1], np.zeros((4, 3))[:, 1]):
            self.assertEqual(ap.dataset({"a": values}).to_dict()["a"], values.tolist())
        for unit in ("D", "s", "ms", "us", "ns", "h", "M", "Y"):
            values = np.array(["2020-01-01", "NaT", "1960-05-01"], dtype=f"datetime64[{unit}]")
            expected = [
                None if v is None else v for v in values.astype("datetime64[D]" if unit == "D" else "datetime64[us]").tolist()
            ]
            self.assertEqual(ap.dataset({"a": values}).to_dict()["a"], expected, unit)
        self.assertEqual(ap.dataset({"a": np.array(["x", "éé"])}).to_dict(), {"a": ["x", "éé"]})
        self.assertEqual(ap.dataset({"a": np.ma.masked_array([1, 2, 3], [0, 1, 0])}).to_dict(), {"a": [1, None, 3]})

    def test_matrices_and_structured_arrays(self):
        matrix = np.arange(12.0).reshape(4, 3)
        for given in (matrix, np.asfortranarray(matrix), matrix[::2]):
            self.assertTrue((ap.dataset(given).to_numpy() == given).all())
        self.assertEqual(ap.dataset(matrix, names=["a", "b", "c"]).columns, ["a", "b", "c"])
        made = ap.dataset(np.array([(1, 2.5, "x")], dtype=[("i", "i2"), ("f", "f4"), ("s", "U3")]))
        self.assertEqual(
            (made.dtypes, made.to_records()), ({"i": "int32", "f": "float32", "s": "utf8"}, [{"i": 1, "f": 2.5, "s": "x"}])
        )
        for wrong in (np.zeros((2, 2, 2)), np.array([1j])):
            with self.assertRaises((TypeError, ValueError)):
                ap.dataset(wrong)

    def test_columns_out(self):
        ours = ap.dataset(table())
        frame = table()
        for name in ("i32", "i64", "whole", "f32", "f64"):
            np.testing.assert_array_equal(ours.to_numpy(name), frame[name].to_numpy(), name)
        self.assertEqual(ours.to_numpy("text").tolist(), frame["text"].to_pylist())
        self.assertEqual(ours.to_numpy("flag").tolist(), frame["flag"].to_pylist())
        self.assertEqual(ours.to_numpy("day").astype(object).tolist(), frame["day"].to_pylist())
        self.assertEqual(ours.to_numpy("wall").astype(object).tolist(), frame["wall"].to_pylist())
        for name in ("i32", "f64", "text", "flag", "wall"):
            self.assertEqual(len(ours.filter("whole < 0").to_numpy(name)), 0)

    def test_matrices_out_have_the_type_that_holds_all(self):
        ours = ap.dataset({"i": [1, 2], "f": [0.5, None], "b": [True, None], "s": ["x", None], "w": np.array([1, 2], "int32")})
        self.assertEqual(ours.to_numpy(["i", "w"]).dtype, np.int64)
        np.testing.assert_array_equal(ours.to_numpy(["i", "f", "b"]), [[1, 0.5, 1], [2, np.nan, np.nan]])
        self.assertEqual(ours.to_numpy(["i", "s"]).tolist(), [[1, "x"], [2, None]])
        self.assertEqual(ours.to_numpy().shape, (2, 5))
        with self.assertRaises(KeyError):
            ours.to_numpy("none")

    def test_memory_is_shared_and_cannot_be_written(self):
        values = np.arange(50_000.0)
        ours = ap.dataset({"a": values})
        back = ours.to_numpy("a")
        self.assertEqual(back.ctypes.data, values.ctypes.data)
        with self.assertRaises(ValueError):
            back[0] = 1
        del ours
        self.assertEqual(back[-1], 49_999)

    def test_a_long_array_comes_back_as_the_same_memory(self):
        for values in (np.arange(300_000.0), np.arange(300_000, dtype="int32"), np.arange(300_000).astype("datetime64[us]")):
            ours = ap.dataset({"a": values})
            back = ours.to_numpy("a")
            self.assertEqual((back.ctypes.data, back.dtype), (values.ctypes.data, values.dtype))
            del ours
            np.testing.assert_array_equal(back, values)

    def test_scalars_of_numpy_are_parameters_and_constants(self):
        ours = ap.dataset({"a": [1, 2, 3]})
        self.assertEqual(ours.filter(ap.col("a") > np.int64(2)).to_dict(), {"a": [3]})
        self.assertEqual(len(ours.split(test_size=np.float64(0.34), random_state=np.int32(1))[1]), 2)
        self.assertEqual(ap.dataset([{"a": np.float32(1.5), "b": np.bool_(True)}]).to_records(), [{"a": 1.5, "b": True}])

    def test_a_split_is_scikit_learns(self):
        from sklearn.model_selection import train_test_split

        x, y = np.arange(1000), np.arange(1000) % 3
        for options in (
            {"test_size": 0.3},
            {"test_size": 7, "stratify": y},
            {"train_size": 0.1, "shuffle": False},
            {"test_size": 0.25, "stratify": y},
        ):
            random = {} if options.get("shuffle") is False else {"random_state": 5}
            ours = ap.train_test_split(x, y, **options, **random)
            theirs = train_test_split(x, y, **options, **random)
            for a, b in zip(ours, theirs):
                self.assertEqual(sorted(a.tolist()), sorted(b.tolist()))
            self.assertEqual(ours[0].tolist(), sorted(theirs[0].tolist()))


class Masks(unittest.TestCase):
    def test_masked_matrices_keep_their_masks(self):
        matrix = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
        self.assertEqual(ap.dataset(matrix).to_dict(), {"x0": [1.0, 3.0], "x1": [None, 4.0]})
        imputer = ap.SimpleImputer(strategy="median").fit(matrix)
        self.assertEqual(list(imputer.transform(matrix)[0]), [1.0, 4.0])

    def test_zones_of_a_series_have_names_of_arrow(self):
        at = pd.to_datetime(["2020-01-01T00:00:00", None])
        zones = ["America/New_York", "UTC", dt.timezone(dt.timedelta(hours=-5, minutes=-30)), "+05:30", dt.timezone.utc]
        names = ["America/New_York", "UTC", "-05:30", "+05:30", "UTC"]
        for zone, name in zip(zones, names):
            series = pd.Series(at.tz_localize(zone))
            table = ap.dataset({"at": series})
            self.assertEqual(table.dtypes["at"], f"timestamp[{name}]")
            self.assertEqual(table.to_dict()["at"], [series[0].to_pydatetime(), None])


if __name__ == "__main__":
    unittest.main()
