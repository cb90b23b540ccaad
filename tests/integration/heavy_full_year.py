"""The whole year (336,776 flights): equal to scikit-learn on the same rows, and within 200 MB of memory."""
import json
import os
import subprocess
import unittest

from harness import AIPIPE, SOURCE, PipelineTest, expected, task

ORACLE = os.path.join(SOURCE, "tests", "integration", "oracle", "oracle.py")
PYTHON = os.path.join(SOURCE, ".venv", "bin", "python")


class FullYear(PipelineTest):
    def setUp(self):
        super().setUp()
        self.copy("flights")
        subprocess.run([os.path.join(SOURCE, "examples", "flights", "fetch-full-year"), self.path("year")], check=True,
                       stdout=subprocess.DEVNULL)

    def test_metrics_equal_scikit_learn_within_1e_6_in_less_than_200_mb(self):
        """With two threads, whatever the machine has: what is read ahead grows with their number."""
        environment = dict(os.environ)
        environment.pop("MALLOC_PERTURB_", None)  # Meson's; it writes to memory that is never used, which then counts as used
        with open(self.path("report.json"), "wb") as out, open(self.path("talk.txt"), "wb") as talk:
            process = subprocess.Popen(
                [AIPIPE, "run", "flights.yaml", "--json", "--threads", "2", "--set", f"flights={self.path('year', 'flights-2013.csv.gz')}",
                 "--set", f"weather={self.path('year', 'weather-2013.csv.gz')}"],
                cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=talk)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, self.read("talk.txt"))
        peak = usage.ru_maxrss * 1024 / 1e6  # of this process alone
        metrics = task(json.loads(self.read("report.json")), "score")["metrics"]
        reference = expected("flights-2013")["metrics"]
        for name in ("accuracy", "roc_auc", "log_loss", "precision", "recall", "f1"):
            self.assert_close(metrics[name], reference[name], 1e-6, name)
        self.assertLess(peak, 200, "MB of memory at the peak")

    def test_the_number_of_threads_changes_no_byte(self):
        self.assert_threads_change_no_byte(["models/flights.aip", "models/held-out.csv"], "flights.yaml",
                                           "--set", f"flights={self.path('year', 'flights-2013.csv.gz')}",
                                           "--set", f"weather={self.path('year', 'weather-2013.csv.gz')}")

    def test_the_committed_answers_are_what_scikit_learn_gives(self):
        for arguments in (["article"], ["flights", os.path.join(SOURCE, "examples", "flights", "data"), "2013-01"],
                          ["flights", self.path("year"), "2013"]):
            subprocess.run([PYTHON, ORACLE, "check", *arguments], check=True)


if __name__ == "__main__":
    unittest.main()
