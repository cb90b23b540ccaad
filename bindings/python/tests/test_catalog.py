"""The classes are what the library's catalogue says: names, parameters, defaults; and they read well."""

import importlib.util
import inspect
import os
import pickle
import pydoc
import unittest

import aipipe as ap
from aipipe import _catalog, _estimator

HERE = os.path.dirname(os.path.abspath(__file__))


def generator():
    """bindings/python/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", os.path.join(os.path.dirname(HERE), "generate.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Catalog(unittest.TestCase):
    def test_the_written_classes_are_those_of_the_library_under_test(self):
        with open(_catalog.__file__, encoding="utf-8") as file:
            self.assertEqual(file.read(), generator().render(ap.default_context().catalog()))

    def test_every_stage_and_model_has_a_class_in_the_package(self):
        names = {entry["name"] for entry in ap.default_context().catalog() if entry["kind"] in ("stage", "model")}
        classes = {getattr(ap, name)._name for name in _catalog.__all__}
        self.assertEqual(classes, names)

    def test_defaults_are_the_catalogues(self):
        for name in _catalog.__all__:
            cls = getattr(ap, name)
            entry = ap.default_context().catalog(("model." if name == "LogisticRegression" else "stage.") + cls._name)
            signature = inspect.signature(cls.__init__).parameters
            for param in entry["params"]:
                if param["name"] != "*" and not param.get("required"):
                    self.assertEqual(signature[param["name"]].default, param["default"], (name, param["name"]))

    def test_help_has_every_parameter_with_its_documentation(self):
        text = pydoc.plain(pydoc.render_doc(ap.StandardScaler))
        for part in ("with_mean : bool, default=True", "Subtract the mean.", "mean_", "with_std: 'bool' = True"):
            self.assertIn(part, text)


class RunTime(unittest.TestCase):
    def test_stage_and_model_find_their_class_by_the_catalogues_name(self):
        self.assertEqual(repr(ap.stage("standard_scaler", with_mean=False)), "StandardScaler(with_mean=False)")
        self.assertIsInstance(ap.model("logistic_regression", C=2.0), ap.LogisticRegression)

    def test_a_class_made_at_run_time_for_a_descriptor_does_what_the_written_one_does(self):
        made = _estimator._make_class("stage", ap.default_context().catalog("stage.standard_scaler"))
        rows = {"a": [1.0, 2.0, 4.0], "t": ["x", "y", "z"]}
        stage = made("numeric", with_std=False)
        self.assertEqual(repr(stage), "StandardScaler(with_std=False)")
        wanted = ap.StandardScaler(with_std=False).fit(rows).transform(ap.dataset(rows)).to_dict()
        self.assertEqual(stage.fit(rows).transform(ap.dataset(rows)).to_dict(), wanted)
        again = pickle.loads(pickle.dumps(stage))
        self.assertEqual(again.transform(ap.dataset(rows)).to_dict(), wanted)
        with self.assertRaises(TypeError):
            made(with_mena=True)

    def test_an_unknown_name_is_answered_with_the_nearest(self):
        with self.assertRaisesRegex(ap.NotFoundError, "standard_scaler"):
            ap.stage("standard_scalar")


if __name__ == "__main__":
    unittest.main()
