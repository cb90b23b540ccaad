"""The program that the migration page starts from, run by pandas and scikit-learn themselves, comes to what its successor comes to."""
import os
import subprocess
import unittest

import manual
from harness import SOURCE, PipelineTest, table, task

PYTHON = os.path.join(SOURCE, ".venv", "bin", "python")


class Migration(PipelineTest):
    def test_before_and_after_agree(self):
        self.copy("article")
        with open(os.path.join(SOURCE, "docs", "migration.md"), encoding="utf-8") as stream:
            files = {block.name: block.text for block in manual.read(stream.read()) if block.kind == "file"}
        self.write("steps.py", files["before/steps.py"])
        self.write("after.yaml", files["after.yaml"])
        before = subprocess.run([PYTHON, "steps.py"], cwd=self.folder, check=True, capture_output=True, text=True).stdout
        after = task(self.run_json("after.yaml"), "train_model")["metrics"]["accuracy"]
        self.assertEqual(float(before.split()[-1]), after)
        ask = ('import joblib, pandas as pd; t = pd.read_csv("sample_data.csv").drop(columns="target"); '
               'print(*joblib.load("model.joblib").predict_proba(t)[:, 1])')
        theirs = subprocess.run([PYTHON, "-c", ask], cwd=self.folder, check=True, capture_output=True, text=True).stdout.split()
        ours = [row["probability"] for row in table(self.ok("predict", "model.aip", "sample_data.csv").out)]
        self.assertEqual(len(ours), len(theirs))
        for our, their in zip(ours, theirs):
            self.assert_close(float(our), float(their), 1e-3)  # their solver stops early


if __name__ == "__main__":
    unittest.main()
