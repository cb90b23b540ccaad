"""The classic three-task pipeline, against pandas and scikit-learn (oracle/expected/article.json)."""
import math
import unittest

from harness import PipelineTest, expected, table, task


class Article(PipelineTest):
    def setUp(self):
        super().setUp()
        self.copy("article")

    def test_accuracy_equals_scikit_learn(self):
        report = self.run_json("article.yaml")
        self.assertEqual(report["state"], "success")
        self.assertEqual(task(report, "train_model")["metrics"]["accuracy"], expected("article")["accuracy"])

    def test_coefficients_equal_scikit_learn(self):
        """Read off the predictions: the log-odds of a linear model at four points that are no plane of three."""
        self.run_json("article.yaml")
        self.write("points.csv", "feature1,feature2\n0,0\n1,0\n0,1\n3,-2\n")
        rows = table(self.ok("predict", "trained_model.aip", "points.csv").out)
        odds = [math.log(p / (1 - p)) for p in (float(row["probability"]) for row in rows)]
        reference = expected("article")
        one, two = reference["coefficients"]["feature1"], reference["coefficients"]["feature2"]
        self.assert_close(odds[0], reference["intercept"], 1e-6, "intercept")
        self.assert_close(odds[1] - odds[0], one, 1e-6, "feature1")
        self.assert_close(odds[2] - odds[0], two, 1e-6, "feature2")
        self.assert_close(odds[3] - odds[0], 3 * one - 2 * two, 1e-6, "linear in both")

    def test_each_task_writes_its_output(self):
        self.run_json("article.yaml")
        self.assertEqual(table(self.read("ingested_data.csv").decode()), table(self.read("sample_data.csv").decode()))
        self.assertEqual(table(self.read("processed_data.csv").decode()), table(self.read("sample_data.csv").decode()))

    def test_rows_with_missing_values_are_dropped_and_counted(self):
        self.write("sample_data.csv", "feature1,feature2,target\n1,5,0\n2,,1\n3,3,0\n4,2,1\n5,1,0\n6,0,\n7,1,1\n")
        report = self.run_json("article.yaml")
        self.assertEqual(task(report, "process_data")["counts"],
                         {"rows_in": 7, "rows_out": 5, "rows_rejected": 0, "rows_filtered": 2})
        self.assertEqual([row["feature1"] for row in table(self.read("processed_data.csv").decode())], ["1", "3", "4", "5", "7"])

    def test_the_number_of_threads_changes_no_byte(self):
        self.assert_threads_change_no_byte(["ingested_data.csv", "processed_data.csv", "trained_model.aip"], "article.yaml")


if __name__ == "__main__":
    unittest.main()
