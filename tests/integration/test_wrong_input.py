"""Wrong input: one clear error that names the place and what was expected, an exit code that says so, and nothing half-written."""
import gzip
import os
import unittest

from harness import PipelineTest, aipipe

GOOD = "a,b,y\n" + "".join(f"{i},{(i * 7) % 10},{i % 2}\n" for i in range(20))
TRAIN = """dag: wrong
tasks:
  data: {read: {path: data.csv}}
  model:
    from: data
    train: {target: y, model: {logistic_regression: {}}}
    output: model.aip
"""


class WrongInput(PipelineTest):
    def refused(self, dag, *words, data=GOOD, name="data.csv", outputs=("model.aip",)):
        """The run fails with one error line that holds all the words, and leaves no output and no temporary file."""
        self.write(name, data)
        self.write("dag.yaml", dag)
        before = set(os.listdir(self.folder))
        done = aipipe("run", "dag.yaml", folder=self.folder, NO_COLOR="1")
        self.assertNotIn(done.code, (0, -6, -11), str(done))
        self.assertGreater(done.code, 0, str(done))
        errors = [line for line in done.err.splitlines() if "error:" in line]
        self.assertEqual(len(errors), 1, str(done))
        for word in words:
            self.assertIn(word, errors[0], str(done))
        self.assertEqual(done.out, "", str(done))
        self.assertEqual(set(os.listdir(self.folder)), before, "something was left behind")

    def test_the_right_input_passes(self):
        """Without this the others could all fail for one wrong reason."""
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN)
        self.ok("run", "dag.yaml")
        self.assertTrue(os.path.exists(self.path("model.aip")))

    def test_misspelt_parameter_names_the_nearest_and_the_line(self):
        self.refused(TRAIN.replace("target: y", "targett: y"), "dag.yaml:6", "targett", "target")

    def test_misspelt_operator_names_the_nearest_and_the_line(self):
        self.refused(TRAIN.replace("{read:", "{raed:"), "dag.yaml:3", "raed", "read")

    def test_unknown_task_is_named(self):
        self.refused(TRAIN.replace("from: data", "from: dta"), "dag.yaml:5", "dta")

    def test_cycle_is_refused(self):
        self.refused(TRAIN.replace("data: {read:", "data: {needs: [model], read:"), "cycle")

    def test_yaml_syntax_has_line(self):
        self.refused(TRAIN.replace("train: {target: y,", "train: {target: y]"), "dag.yaml:6")

    def test_missing_file_is_named(self):
        self.refused(TRAIN.replace("data.csv", "nowhere.csv"), "nowhere.csv")

    def test_truncated_gzip(self):
        packed = gzip.compress((GOOD * 50).encode(), mtime=0)
        self.refused(TRAIN.replace("data.csv", "data.csv.gz"), "data.csv.gz", data=packed[:len(packed) * 2 // 3], name="data.csv.gz")

    def test_ragged_row_has_line_and_count(self):
        self.refused(TRAIN, "data.csv:6", "3", "2", data=GOOD.replace("4,8,0\n", "4,8\n", 1))

    def test_text_where_a_number_belongs_has_line_and_column(self):
        self.refused(TRAIN.replace("path: data.csv", "path: data.csv, types: {b: int64}"), "data.csv:6", "b", "many",
                     data=GOOD.replace("4,8,0", "4,many,0", 1))

    def test_target_with_one_class(self):
        self.refused(TRAIN, "y", "class", data="a,b,y\n1,2,1\n2,3,1\n3,1,1\n")

    def test_unknown_column_names_the_nearest(self):
        self.refused(TRAIN.replace("target: y", "target: yy"), "yy", "model")

    def test_unknown_column_in_a_stage(self):
        self.refused(TRAIN.replace("  model:\n    from: data", "  some: {from: data, transform: [{select: {columns: [a, bb, y]}}]}\n"
                                   "  model:\n    from: some"), "bb", "some")

    def test_repeated_right_key_in_a_many_to_one_join(self):
        self.refused("dag: wrong\ntasks:\n  left: {read: {path: data.csv}}\n  right: {read: {path: data.csv}}\n"
                     "  both: {from: left, transform: [{join: {with: right, on: y, how: left, validate: 'm:1'}}], output: both.csv}\n",
                     "both", "y")

    def test_broken_package_is_refused(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN)
        self.ok("run", "dag.yaml")
        package = bytearray(self.read("model.aip"))
        package[len(package) // 2] ^= 1
        self.write("model.aip", bytes(package))
        done = aipipe("predict", "model.aip", "data.csv", folder=self.folder)
        self.assertGreater(done.code, 0, str(done))
        self.assertIn("model.aip", done.err)
        self.assertEqual(done.out, "")

    def test_predict_without_a_column_names_it(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN)
        self.ok("run", "dag.yaml")
        self.write("less.csv", "a\n1\n2\n")
        done = aipipe("predict", "model.aip", "less.csv", folder=self.folder)
        self.assertGreater(done.code, 0, str(done))
        self.assertIn("'b'", done.err)
        self.assertEqual(done.out, "")


if __name__ == "__main__":
    unittest.main()
