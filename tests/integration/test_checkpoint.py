"""Reading on from a checkpoint, through the command: kill -9 at random moments while a file grows, and while a folder fills, loses and doubles no
row; two runs at once do not either; DAG files and rejects."""
import csv
import glob
import gzip
import json
import os
import random
import signal
import subprocess
import time
import unittest

from harness import AIPIPE, PipelineTest, aipipe

N_KILLS = 50
TEXTS = ("plain", "with, comma", "two\nlines", 'a "quote"', "\r\n", "x" * 300, "ü")


def record(i):
    """Record i as a row, and as bytes of CSV."""
    text = TEXTS[i % len(TEXTS)]
    quoted = '"' + text.replace('"', '""') + '"' if i % len(TEXTS) else text
    return [str(i), text], f"{i},{quoted}\n".encode()


class Growing(PipelineTest):
    def rows_of(self, pattern):
        """The rows of all outputs, in the order of their numbers."""
        rows = []
        for path in sorted(glob.glob(self.path(pattern))):
            opened = gzip.open(path, "rt", newline="", encoding="utf-8") if path.endswith(".gz") else open(path, newline="", encoding="utf-8")
            with opened as stream:
                found = list(csv.reader(stream))
            self.assertEqual(found[0], ["n", "t"], path)
            rows += found[1:]
        return rows

    def kill_while(self, grow, arguments):
        """Lets the input grow and starts the command, again and again, most times killing it at some moment. (That each single step of a run
        may be the last one, tests/unit/connectors/checkpoint_test.c tries one by one.)"""
        draw = random.Random(11)
        killed = 0
        for attempt in range(40 * N_KILLS):
            grow(draw)
            before = len(glob.glob(self.path("out-*")))
            known = set(os.listdir(self.folder))
            process = subprocess.Popen([AIPIPE, "convert", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            # At any moment; when a temporary file or a lock is there; when the output is.
            at = time.monotonic() + (draw.uniform(0, 0.03) if attempt % 4 < 2 else 5)
            while process.poll() is None and time.monotonic() < at:
                if attempt % 4 == 1:
                    grow(draw)
                if attempt % 4 == 2 and set(os.listdir(self.folder)) - known:
                    break
                if attempt % 4 == 3 and len(glob.glob(self.path("out-*"))) > before:
                    break
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
                process.wait()
            else:
                self.assertEqual(process.returncode, 0, process.stderr.read())
            process.stderr.close()
            if killed >= N_KILLS:
                return
        self.fail("too few runs were still there to be killed")

    def test_killed_at_any_moment_while_a_file_grows_each_row_is_written_once(self):
        rows, pending = [], bytearray(b"n,t\n1,one\n")
        rows.append(["1", "one"])

        def grow(draw):
            for _ in range(draw.randrange(60)):
                row, line = record(len(rows) + 1)
                rows.append(row)
                pending.extend(line)
            n = len(pending) if draw.random() < 0.3 else draw.randrange(len(pending) + 1)  # often in the middle of a record
            with open(self.path("in.csv"), "ab") as stream:
                stream.write(pending[:n])
            del pending[:n]

        with open(self.path("in.csv"), "wb") as stream:
            stream.write(pending)
        pending.clear()
        arguments = ["in.csv", "out.csv", "--checkpoint", "cp.json", "--set", "types={\"n\": \"int64\"}", "--set", "block_bytes=4096"]
        self.kill_while(grow, arguments)
        with open(self.path("in.csv"), "ab") as stream:
            stream.write(pending)
        self.ok("convert", *arguments)
        self.assertEqual(self.rows_of("out-*.csv"), rows)
        self.ok("convert", *arguments)  # nothing is new
        self.assertEqual(len(self.rows_of("out-*.csv")), len(rows))

    def test_killed_at_any_moment_while_a_folder_fills_each_row_is_written_once(self):
        os.mkdir(self.path("in"))
        rows, files = [], 0

        def lines(n):
            made = b""
            for _ in range(n):
                row, line = record(len(rows))
                rows.append(row)
                made += line
            return made

        def grow(draw):
            nonlocal files
            kind = draw.randrange(3)
            if kind == 0 or files == 0:  # a file that may grow on
                with open(self.path("in", f"{files:04}.csv"), "wb") as stream:
                    stream.write(b"n,t\n" + lines(draw.randrange(1, 30)))
                files += 1
            elif kind == 1:  # a compressed one, which is whole when it gets its name
                with gzip.open(self.path("hidden"), "wb") as stream:
                    stream.write(b"n,t\n" + lines(draw.randrange(1, 30)))
                os.rename(self.path("hidden"), self.path("in", f"{files:04}.csv.gz"))
                files += 1
            else:
                plain = sorted(glob.glob(self.path("in", "*.csv")))
                with open(draw.choice(plain), "ab") as stream:
                    stream.write(lines(draw.randrange(1, 30)))

        arguments = ["in/*", "out.csv.gz", "--checkpoint", "state/cp.json", "--set", "types={\"n\": \"int64\"}", "--set", "format=csv"]
        self.kill_while(grow, arguments)
        self.ok("convert", *arguments)
        found = self.rows_of("out-*.csv.gz")
        self.assertEqual(len(found), len(rows))
        self.assertEqual(sorted(found), sorted(rows))
        state = json.loads(self.read("state/cp.json"))
        self.assertEqual(len(state["files"]), files)
        self.assertIsNone(state["pending"])

    def test_two_runs_at_once_write_no_row_twice(self):
        rows = []
        self.write("in.csv", "n,t\n")
        arguments = ["convert", "in.csv", "out.csv", "--checkpoint", "cp.json", "--set", "types={\"n\": \"int64\"}", "--set", "names=[\"n\",\"t\"]"]
        refused = 0
        for _ in range(20):
            with open(self.path("in.csv"), "ab") as stream:
                for _ in range(20):
                    row, line = record(len(rows))
                    rows.append(row)
                    stream.write(line)
            both = [subprocess.Popen([AIPIPE, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, text=True) for _ in range(3)]
            for process in both:
                said = process.communicate()[1]
                if process.returncode != 0:
                    self.assertRegex(said, "another run (is writing with|has moved) checkpoint")
                    refused += 1
        self.ok(*arguments)
        self.assertEqual(self.rows_of("out-*.csv"), rows)
        self.assertGreater(refused, 0, "the runs never met")

    def test_a_dag_file_reads_on_and_reports_what_was_promoted_and_rejected(self):
        self.write("dag.yaml", """dag: on
tasks:
  log: {read: {path: "in-*.csv", checkpoint: state/log.json, rejects: rejects.csv, on_bad_row: reject, types: {n: int64}}}
  late: {from: log, transform: [{filter: n > 1}], output: out/late.csv}
""")
        self.write("in-1.csv", "n,t\n1,a\n2,b\nbad,c\n3,d")
        report = self.run_json("dag.yaml")
        self.assertEqual(report["tasks"][0]["checkpoint"], {"path": "state/log.json", "output": 1, "new": True, "written": "out/late-00000001.csv"})
        self.assertEqual(report["tasks"][1]["counts"], {"rows_in": 3, "rows_out": 1, "rows_rejected": 1, "rows_filtered": 1})
        self.write("in-2.csv", "n,t\n4,e\nworse,f\n")
        report = self.run_json("dag.yaml")
        self.assertEqual(report["tasks"][1]["counts"], {"rows_in": 2, "rows_out": 1, "rows_rejected": 1, "rows_filtered": 0})
        report = self.run_json("dag.yaml")
        self.assertFalse(report["tasks"][0]["checkpoint"]["new"])
        self.assertEqual(self.read("out/late-00000001.csv"), b"n,t\n2,b\n")
        self.assertEqual(self.read("out/late-00000002.csv"), b"n,t\n4,e\n")
        self.assertIn(b"in-2.csv,3,n,8,", self.read("rejects-00000002.csv"))
        self.assertEqual(sorted(os.listdir(self.path("out"))), ["late-00000001.csv", "late-00000002.csv"])
        self.write("two.yaml", """dag: two
tasks:
  a: {read: {path: in-1.csv, rejects: r.csv}}
  b: {read: {path: in-2.csv, rejects: r.csv}}
""")
        lint = self.aipipe_fails("lint", "two.yaml", code=3)
        self.assertIn("'r.csv' is written by task 'a' too", lint)
        self.write("promote.yaml", """dag: promote
tasks:
  a: {read: {path: in-1.csv, infer_rows: 1, on_bad_row: promote}, output: p.csv}
""")
        report = self.run_json("promote.yaml", "--log-level", "error")
        self.assertEqual(report["tasks"][0]["promoted"], [{"column": "n", "from": "int64", "to": "utf8", "places": [
            {"type": "utf8", "source": "in-1.csv", "line": 4, "column": 1, "byte_offset": 12, "text": "bad"}]}])

    def test_convert_names_the_part_that_it_wrote_or_says_that_nothing_is_new(self):
        self.write("in.csv", "n\n1\n")
        arguments = ["in.csv", "to/out.csv.gz", "--checkpoint", "cp.json"]
        self.assertRegex(self.ok("convert", *arguments).err, r"\Ato/out-00000001\.csv\.gz: 1 row in ")
        self.assertIn("nothing is new: nothing was written", self.ok("convert", *arguments).err)
        self.assertIsNone(json.loads(self.ok("convert", *arguments, "--json").out)["path"])
        self.write("in.csv", "n\n1\n2\n")
        self.assertEqual(json.loads(self.ok("convert", *arguments, "--json").out)["path"], "to/out-00000002.csv.gz")
        self.assertRegex(self.ok("convert", "in.csv", "out.csv").err, r"\Aout\.csv: 2 rows in ")

    def test_convert_sets_rejects_aside_and_inspect_says_what_was_promoted(self):
        self.write("dirty.csv", "a,b\n1,x\n2\nz,y\n3,w\n")
        self.ok("convert", "dirty.csv", "clean.csv", "--rejects", "rejects.csv.gz", "--set", "types={\"a\": \"int64\"}")
        self.assertEqual(self.read("clean.csv"), b"a,b\n1,x\n3,w\n")
        with gzip.open(self.path("rejects.csv.gz"), "rt", newline="", encoding="utf-8") as stream:
            found = list(csv.reader(stream))
        self.assertEqual(found, [["source", "line", "column", "byte_offset", "reason", "raw"],
                                 ["dirty.csv", "3", "", "8", "expected 2 columns, found 1", "2"],
                                 ["dirty.csv", "4", "a", "10", "expected int64, found 'z'", "z,y"]])
        self.write("late.csv", "a\n1\n2\n2.5\n")
        done = self.ok("inspect", "late.csv", "--json", "--set", "on_bad_row=promote", "--set", "infer_rows=1")
        promoted = json.loads(done.out)["promoted"]
        self.assertEqual([(p["column"], p["from"], p["to"], p["places"][0]["line"]) for p in promoted], [("a", "int64", "float64", 4)])
        self.assertIn("column 'a' is read as float64, where its first rows are int64: float64 by '2.5' at late.csv:4:1", done.err)

    def aipipe_fails(self, *arguments, code):
        done = aipipe(*arguments, folder=self.folder)
        self.assertEqual(done.code, code, str(done))
        return done.err


if __name__ == "__main__":
    unittest.main()
