"""Real data end to end (January 2013), against pandas and scikit-learn (oracle/expected/flights-2013-01.json)."""
import unittest

from harness import PipelineTest, expected, table, task

OUTPUTS = ["models/flights.aip", "models/held-out.csv"]


class Flights(PipelineTest):
    def setUp(self):
        super().setUp()
        self.copy("flights")

    def test_metrics_and_predictions_equal_scikit_learn(self):
        report = self.run_json("flights.yaml")
        reference = expected("flights-2013-01")
        metrics = task(report, "score")["metrics"]
        for name in ("accuracy", "roc_auc", "log_loss", "precision", "recall", "f1"):
            self.assert_close(metrics[name], reference["metrics"][name], 1e-6, name)
        self.assertEqual(metrics["confusion_matrix"], reference["metrics"]["confusion_matrix"])
        rows = table(self.read("models/held-out.csv").decode())
        self.assertEqual(len(rows), reference["n_rows"]["test"])
        for row, probability in zip(rows, reference["probability"]):
            self.assert_close(float(row["probability"]), probability, 1e-6, "probability of a held-out flight")

    def test_every_row_is_accounted_for(self):
        """What was trained on and what was predicted are together the table: no row is lost or doubled between tasks."""
        report = self.run_json("flights.yaml")
        n_rows = expected("flights-2013-01")["n_rows"]
        self.assertEqual(task(report, "flights")["rows"], n_rows["flights"])
        self.assertEqual(task(report, "table")["counts"], {"rows_in": n_rows["flights"], "rows_out": n_rows["table"],
                                                           "rows_rejected": 0, "rows_filtered": n_rows["flights"] - n_rows["table"]})
        for name, part in (("model", "train"), ("held_out", "test")):
            counts = task(report, name)["counts"]
            self.assertEqual(counts, {"rows_in": n_rows[part], "rows_out": n_rows[part], "rows_rejected": 0, "rows_filtered": 0})
        self.assertEqual(n_rows["train"] + n_rows["test"], n_rows["table"])

    def test_the_number_of_threads_changes_no_byte(self):
        self.assert_threads_change_no_byte(OUTPUTS, "flights.yaml")

    def test_a_run_repeated_over_its_outputs_gives_the_same_bytes(self):
        self.run_json("flights.yaml")
        first = [self.read(name) for name in OUTPUTS]
        self.run_json("flights.yaml")
        self.assertTrue(first == [self.read(name) for name in OUTPUTS])

    def test_the_package_scores_rows_it_has_never_seen(self):
        """One answer per row, in order; a missing seat count or year built is imputed, not an error."""
        self.run_json("flights.yaml")
        rows = table(self.ok("predict", "models/flights.aip", "five-flights.csv").out)
        self.assertEqual(len(rows), 5)
        probabilities = [float(row["probability"]) for row in rows]
        self.assertTrue(all(0 < p < 1 for p in probabilities))
        self.assertEqual(max(range(5), key=probabilities.__getitem__), 1, "the flight that left 105 minutes late is the likeliest")


if __name__ == "__main__":
    unittest.main()
