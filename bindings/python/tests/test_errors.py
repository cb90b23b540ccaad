"""Failures of the library arrive as exceptions of Python's kinds with their place; exceptions of callbacks arrive as
themselves."""

import pickle
import traceback
import unittest

from support import FolderTest, ap

from aipipe import _errors, _prototypes


class Kinds(unittest.TestCase):
    def test_every_status_has_an_exception_of_its_own(self):
        statuses = {value for name, value in vars(_prototypes).items() if name.startswith("AIP_E_")}
        self.assertEqual(set(_errors._BY_STATUS), statuses)
        self.assertEqual(len(set(_errors._BY_STATUS.values())), len(statuses))

    def test_every_exception_is_public(self):
        for kind in [*_errors._BY_STATUS.values(), _errors.HostError, _errors.Error]:
            self.assertIs(getattr(ap, kind.__name__), kind)
            self.assertIn(kind.__name__, ap.__all__)

    def test_they_are_caught_as_pythons_own_kinds(self):
        for kind, builtin in [
            (ap.ParamError, ValueError),
            (ap.NotFoundError, FileNotFoundError),
            (ap.IOError_, OSError),
            (ap.Timeout, TimeoutError),
            (ap.MemoryLimitError, MemoryError),
            (ap.NumericError, ArithmeticError),
            (ap.UnsupportedError, NotImplementedError),
        ]:
            self.assertTrue(issubclass(kind, builtin) and issubclass(kind, ap.Error), kind)


class Places(FolderTest):
    def test_a_bad_cell_says_source_line_column_and_data_column(self):
        path = self.write("bad.csv", "a,b\n1,2\n1,x\n")
        with self.assertRaises(ap.DataError) as caught:
            ap.read_csv(path, types={"b": "int64"}).count()
        error = caught.exception
        self.assertEqual((error.status, error.status_name), (-8, "E_DATA"))
        self.assertEqual((error.source, error.line, error.data_column), (path, 3, "b"))
        self.assertTrue(str(error).startswith(f"{path}:3:"), str(error))
        self.assertIn(error.message, str(error))

    def test_a_missing_file_is_a_file_not_found_error(self):
        with self.assertRaises(FileNotFoundError) as caught:
            ap.read_csv(self.path("none.csv"))
        self.assertIn("none.csv", str(caught.exception))
        self.assertIsNone(caught.exception.line)

    def test_an_unknown_parameter_is_named_with_the_nearest(self):
        with self.assertRaises(ap.ParamError) as caught:
            ap.read(self.write("a.csv", "a\n1\n"), delimitr=";")
        self.assertEqual(caught.exception.parameter, "delimitr")
        self.assertIn("delimiter", str(caught.exception))

    def test_a_bad_expression_names_the_stage(self):
        with self.assertRaises(ap.ParseError) as caught:
            ap.dataset({"a": [1]}).filter("a >")
        self.assertEqual(caught.exception.stage, "filter")

    def test_an_error_survives_pickling_whole(self):
        with self.assertRaises(ap.SchemaError) as caught:
            ap.dataset({"a": [1]}).select(["b"])
        copy = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((type(copy), str(copy), vars(copy)), (ap.SchemaError, str(caught.exception), vars(caught.exception)))

    def test_a_text_that_is_no_utf8_does_not_hide_the_error(self):
        with self.assertRaises(ap.Error):
            ap.dataset({"a": [1]}).select(["\ud800"])


class OfCallbacks(unittest.TestCase):
    def test_an_exception_of_a_callback_arrives_as_itself_with_its_traceback(self):
        class Own(Exception):
            pass

        raised = Own("mine")

        def fails(batch):
            raise raised

        try:
            ap.dataset({"a": [1]}).map_batches(fails, {"a": "int64"}).count()
        except Own as caught:
            self.assertIs(caught, raised)
            self.assertIn("fails", [frame.name for frame in traceback.extract_tb(caught.__traceback__)])
        else:
            self.fail("nothing was raised")

    def test_each_of_many_failures_arrives_as_its_own(self):
        for i in range(600):  # more than are remembered

            def fails(batch, i=i):
                raise KeyError(i)

            with self.assertRaises(KeyError) as caught:
                ap.dataset({"a": [1]}).map_batches(fails, {"a": "int64"}).count()
            self.assertEqual(caught.exception.args, (i,))

    def test_an_exception_that_stops_the_interpreter_passes_too(self):
        def leaves(batch):
            raise SystemExit(3)

        with self.assertRaises(SystemExit):
            ap.dataset({"a": [1]}).map_batches(leaves, {"a": "int64"}).count()


if __name__ == "__main__":
    unittest.main()
