"""examples/flights/flights.py, from the file to the prediction, as a newcomer runs it."""

import os
import re
import subprocess
import sys
import unittest

from support import TIMEOUT, FolderTest, ap

EXAMPLE = os.path.join(os.environ["AIPIPE_SOURCE"], "examples", "flights")
PACKAGES = os.environ.get("AIPIPE_NEED_PACKAGES") == "1"


class Flights(FolderTest):
    def test_the_example_runs(self):
        done = subprocess.run(
            [sys.executable, "flights.py", self.folder],
            cwd=EXAMPLE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"},
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        out = done.stdout
        self.assertIn("27,004 rows, 19 columns", out)
        self.assertRegex(out, r"tailnum +utf8 +155 ")
        self.assertIn("'built': 4636, 'seats': 4210", out)  # as Python's csv module counts them
        self.assertGreater(float(re.search(r"^roc_auc +(\S+)$", out, re.MULTILINE)[1]), 0.9)
        self.assertRegex(out, r"(?s)\nprobability\n.*\n5 rows\n")
        matrix = [int(n) for n in re.search(r"\[\[ *(\d+),? +(\d+)\],?\s*\[ *(\d+),? +(\d+)\]\]", out).groups()]
        self.assertEqual(sum(matrix), 5280)  # a fifth of the 26,398 flights that arrived, rounded up
        package = ap.load(self.path("flights.aip"))
        self.assertNotIn("late", package.inputs.names)
        self.assertRegex(out, r"\nsuccess 0\.9\d+ ")
        self.assertIn("RowCounts(rows_in=27004, rows_out=26398, rows_rejected=0, rows_filtered=606)\n", out)
        self.assertTrue(os.path.exists(self.path("held-out.csv")))
        if PACKAGES:
            self.assertGreater(float(re.search(r"^forest (\S+)$", out, re.MULTILINE)[1]), 0.88)
            self.assertEqual(len(re.findall(r"0\.[89]\d+", out[out.index("cross-validated") :])), 5)


if __name__ == "__main__":
    unittest.main()
