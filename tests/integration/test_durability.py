"""kill -9 at any moment while a package is written over an older one leaves the old file or the new one, whole."""
import hashlib
import os
import random
import signal
import subprocess
import time
import unittest

from harness import AIPIPE, PipelineTest

N_KILLS = 50
DAG = """dag: durable
params: {{C: {{default: 1.0}}}}
tasks:
  data: {{read: {{path: data.csv}}}}
  model:
    from: data
    train: {{target: y, model: {{logistic_regression: {{C: "${{params.C}}"}}}}}}
    output: {output}
"""


class Durability(PipelineTest):
    def test_kill_leaves_the_old_package_or_the_new_one(self):
        draw = random.Random(7)
        rows = [[draw.gauss(0, 1) for _ in range(4)] for _ in range(2000)]
        self.write("data.csv", "a,b,c,d,y\n" + "".join(
            ",".join(f"{v:.6f}" for v in row) + f",{int(row[0] + draw.gauss(0, 1) > 0)}\n" for row in rows))
        self.write("dag.yaml", DAG.format(output="model.aip"))
        whole = set()
        took = []
        for c in (0.5, 2.0):
            began = time.monotonic()
            self.ok("run", "dag.yaml", "--set", f"C={c}")
            took.append(time.monotonic() - began)
            whole.add(hashlib.sha256(self.read("model.aip")).hexdigest())
        known = set(os.listdir(self.folder))
        self.assertEqual(len(whole), 2, "the two parameters give two packages: else this test could not tell old from new")
        n_killed = n_writing = 0
        for attempt in range(20 * N_KILLS):
            process = subprocess.Popen([AIPIPE, "run", "dag.yaml", "--set", f"C={(0.5, 2.0)[attempt % 2]}"], cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Every other time at any moment, else as soon as the new file is there under its first name.
            at = time.monotonic() + draw.uniform(0, max(took))
            while process.poll() is None and time.monotonic() < at:
                if attempt % 2 and set(os.listdir(self.folder)) - known:
                    break
            if process.poll() is None:
                n_writing += bool(set(os.listdir(self.folder)) - known)
                os.kill(process.pid, signal.SIGKILL)
                n_killed += 1
            process.wait()
            self.assertIn(hashlib.sha256(self.read("model.aip")).hexdigest(), whole, f"attempt {attempt}: neither old nor new")
            for name in set(os.listdir(self.folder)) - known:  # what a killed run leaves behind
                os.remove(self.path(name))
            if n_killed >= N_KILLS and n_writing > 0:
                break
        self.assertGreaterEqual(n_killed, N_KILLS, "too few runs were still there to be killed")
        self.assertGreater(n_writing, 0, "no run was killed while it wrote the package")
        print(f"{n_killed} runs killed, {n_writing} of them while the package was written")
        self.ok("predict", "model.aip", "data.csv")


if __name__ == "__main__":
    unittest.main()
