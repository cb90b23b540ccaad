"""The command line: help, usage, exit codes, where errors point, JSON, terminals, signals and pipes (docs/cli.md)."""
import fcntl
import gzip
import itertools
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
import unicodedata
import unittest

from harness import AIPIPE, PipelineTest, aipipe, table

COMMANDS = {"run": ("--set", "--json", "--threads"), "lint": ("--set", "--json"), "inspect": ("--head", "--set", "--json"),
            "convert": ("--set", "--write", "--json"), "predict": ("--output", "--set"), "catalog": ("--json",)}
OK, FAILED, USAGE, DAG, INTERRUPTED = 0, 1, 2, 3, 130
GOOD = "a,b,y\n" + "".join(f"{i},{(i * 7) % 10},{i % 2}\n" for i in range(20))
TRAIN = """dag: cli
params: {C: {default: 1.0, minimum: 0}}
tasks:
  data: {read: {path: data.csv}}
  model:
    from: data
    train: {target: y, model: {logistic_regression: {C: "${params.C}"}}}
    output: model.aip
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(folder, *arguments, columns=80, lines=24, **environment):
    """Runs the command on a terminal of so many columns and lines; its exit code and all it wrote."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
    if "NO_COLOR" not in environment:
        env.pop("NO_COLOR", None)
    process = subprocess.Popen([AIPIPE, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=other, stderr=other, env=env)
    os.close(other)
    out = b""
    while True:
        try:
            some = os.read(main, 65536)
        except OSError: # the other end is closed
            break
        if not some:
            break
        out += some
    os.close(main)
    return process.wait(timeout=60), out.decode()


def columns_of(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Usage(PipelineTest):
    def test_each_command_has_help_with_its_options_and_examples(self):
        for command, options in COMMANDS.items():
            for arguments in ((command, "--help"), (command, "-h"), ("help", command)):
                done = self.ok(*arguments)
                self.assertEqual(done.err, "")
                self.assertIn("Examples", done.out)
                self.assertIn(f"aipipe {command} ", done.out.split("Examples")[1])
                for option in options:
                    self.assertIn(f"{option}", done.out)
        for command in COMMANDS:
            self.assertIn(command, self.ok("--help").out)

    def test_wrong_usage_names_what_was_expected(self):
        self.write("data.csv", GOOD)
        for arguments, words in ((["rnu", "x"], ["rnu", "run"]), (["run", "--jsno", "x.yaml"], ["--jsno", "--json"]),
                                 (["run", "--threads", "many", "x.yaml"], ["--threads", "many"]),
                                 (["run", "--threads=-1", "x.yaml"], ["--threads"]),
                                 (["run", "--memory-limit", "12Q", "x.yaml"], ["--memory-limit", "512M"]),
                                 (["run", "--set", "nothing", "x.yaml"], ["NAME=VALUE"]), (["run", "a.yaml", "b.yaml"], ["b.yaml"]),
                                 (["run", "--json=yes", "x.yaml"], ["--json"]), (["convert", "one.csv"], ["IN OUT"]),
                                 (["inspect", "data.csv", "--head", "-2"], ["--head"]), (["catalog", "--color", "red"], ["red", "never"]),
                                 (["inspect", "data.csv", "--set", "foo=1"], ["foo"]), (["inspect", "data.csv", "--set", "path=foo"], ["data.csv"]),
                                 (["convert", "data.csv", "o.csv", "--write", "compression_level=99"], ["99"]),
                                 (["convert", "data.csv", "o.csv", "--write", "path=p.csv"], ["o.csv"]),
                                 (["inspect", "m.aip", "--set", "foo=1"], ["m.aip", "--set"]),
                                 (["run", "--log-level", "loud", "x.yaml"], ["loud", "debug"]), (["--quiet", "run"], ["--quiet"])):
            done = aipipe(*arguments, folder=self.folder)
            self.assertEqual(done.code, USAGE, str(done))
            self.assertEqual(done.out, "")
            for word in words:
                self.assertIn(word, done.err.splitlines()[0], str(done))

    def test_two_dashes_end_the_options(self):
        self.write("--json", GOOD)
        self.ok("inspect", "--set", "format=csv", "--", "--json")


class Errors(PipelineTest):
    def setUp(self):
        super().setUp()
        self.write("data.csv", GOOD)

    def refused(self, code, place, *words, dag=TRAIN, data=None, command="run"):
        """One line PLACE: error: ... with all the words, the exit code, and nothing new in the folder."""
        self.write("dag.yaml", dag)
        if data is not None:
            self.write("data.csv", data)
        before = {name: self.read(name) for name in os.listdir(self.folder)}
        done = aipipe(command, "dag.yaml", folder=self.folder)
        self.assertEqual(done.code, code, str(done))
        lines = [line for line in done.err.splitlines() if "error:" in line]
        self.assertEqual(len(lines), 1, str(done))
        self.assertTrue(lines[0].startswith(place + ": error: "), f"{place!r} expected: {lines[0]}")
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual({name: self.read(name) for name in os.listdir(self.folder)}, before)

    def test_a_wrong_dag_file_is_exit_code_3_of_run_and_of_lint(self):
        for command in ("run", "lint"):
            self.refused(DAG, "dag.yaml:7:13", "targett", "target", dag=TRAIN.replace("target: y", "targett: y"), command=command)
            self.refused(DAG, "dag.yaml:4:10", "raed", "read", dag=TRAIN.replace("{read:", "{raed:"), command=command)
            self.refused(DAG, "dag.yaml:6:11", "dta", "data", dag=TRAIN.replace("from: data", "from: dta"), command=command)

    def test_wrong_data_is_exit_code_1(self):
        self.refused(FAILED, "data.csv:6:1", "2", "3", data=GOOD.replace("4,8,0\n", "4,8\n", 1))
        self.refused(FAILED, "data.csv:6:3", "'b'", "many", dag=TRAIN.replace("path: data.csv", "path: data.csv, types: {b: int64}"),
                     data=GOOD.replace("4,8,0", "4,many,0", 1))

    def test_every_finding_of_lint_is_told(self):
        self.write("good.yaml", TRAIN)
        self.write("one.yaml", TRAIN.replace("{read:", "{raed:"))
        self.write("two.yaml", TRAIN.replace("from: data", "from: dta"))
        done = aipipe("lint", "one.yaml", "good.yaml", "two.yaml", "--json", folder=self.folder)
        self.assertEqual(done.code, DAG)
        findings = json.loads(done.out)
        self.assertEqual([(f["file"], f["ok"]) for f in findings], [("one.yaml", False), ("good.yaml", True), ("two.yaml", False)])
        self.assertEqual(findings[0]["error"]["line"], 4)
        self.assertIn("dag.yaml".replace("dag", "two") + ":6:11: error:", done.err)

    def test_a_parameter_out_of_range_is_exit_code_3(self):
        self.write("dag.yaml", TRAIN)
        done = aipipe("run", "dag.yaml", "--set", "C=-1", folder=self.folder)
        self.assertEqual(done.code, DAG, str(done))
        self.assertIn("C is -1: expected a number of at least 0", done.err)
        self.assertFalse(os.path.exists(self.path("model.aip")))

    def test_truncated_gzip_leaves_no_output(self):
        self.write("t.csv.gz", gzip.compress(GOOD.encode() * 1000)[:-20])
        done = aipipe("convert", "t.csv.gz", "u.csv", folder=self.folder)
        self.assertEqual(done.code, FAILED, str(done))
        self.assertIn("t.csv.gz", done.err)
        self.assertEqual(sorted(os.listdir(self.folder)), ["data.csv", "t.csv.gz"])

    def test_control_characters_of_the_data_do_not_reach_the_terminal(self):
        self.write("t.csv", "x\n\x1b[31mred\n\x1b]0;title\x07\n")
        done = self.ok("inspect", "t.csv")
        self.assertNotIn("\x1b", done.out + done.err)


class Data(PipelineTest):
    def test_convert_gives_its_account_as_json(self):
        self.write("data.csv", GOOD + "1,2\n")
        for name in ("o.csv", "o.csv.gz"):
            done = self.ok("convert", "data.csv", name, "--set", "on_bad_row=reject", "--json")
            found = json.loads(done.out)
            self.assertGreater(found.pop("seconds"), 0)
            size = os.path.getsize(os.path.join(self.folder, "data.csv"))
            header = len("a,b,y\n")
            self.assertIn(found.pop("bytes"), (size, size - header))
            self.assertEqual(found, {"from": "data.csv", "path": name, "rows_in": 21, "rows_out": 20, "rows_rejected": 1, "rows_filtered": 0})
        done = aipipe("convert", "data.csv", "-", "--json", folder=self.folder)
        self.assertEqual((done.code, done.out), (USAGE, ""), str(done))

    def test_json_is_valid_and_alone_on_stdout(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN)
        for arguments in (("run", "dag.yaml"), ("lint", "dag.yaml"), ("inspect", "data.csv"), ("inspect", "model.aip"), ("catalog",),
                          ("catalog", "read")):
            json.loads(self.ok(*arguments, "--json").out)

    def test_report_of_a_failed_run_says_which_task_and_why(self):
        self.write("data.csv", "a,y\n1,1\n2,1\n")
        self.write("dag.yaml", TRAIN)
        done = aipipe("run", "dag.yaml", "--json", folder=self.folder)
        self.assertEqual(done.code, FAILED)
        report = json.loads(done.out)
        self.assertEqual(report["state"], "failed")
        self.assertEqual([task["state"] for task in report["tasks"]], ["success", "failed"])
        self.assertIn("class", report["tasks"][1]["error"]["message"])

    def test_lines_of_a_run_name_task_state_rows_and_time(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN)
        done = self.ok("run", "dag.yaml")
        self.assertRegex(done.err, r"(?m)^model  running$")
        self.assertRegex(done.err, r"(?m)^model  success  20 rows  \d+\.\d\d s$")
        self.assertRegex(done.err, r"(?m)^model: wrote model\.aip$")
        self.assertRegex(done.err, r"(?m)^success: 2 of 2 tasks in ")
        self.assertEqual(self.ok("run", "dag.yaml", "--quiet").err, "")

    def test_values_of_set_are_json_or_else_text(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN.replace("{C: {default: 1.0, minimum: 0}}", "{C: {default: 1.0}, out: {default: a.aip}}")
                   .replace("output: model.aip", 'output: "${params.out}"'))
        self.ok("run", "dag.yaml", "--set", "C=0.5", "--set", "out=b.aip")
        self.assertIn("b.aip", os.listdir(self.folder))

    def test_what_looks_like_a_number_is_text_where_the_dag_has_a_text(self):
        self.write("3", GOOD)
        self.write("dag.yaml", "dag: cli\nparams: {f: {default: data.csv}}\ntasks:\n"
                   "  data: {read: {path: '${params.f}', format: csv}, output: out.csv}\n")
        self.ok("run", "dag.yaml", "--set", "f=3")
        self.assertEqual(self.read("out.csv").decode(), GOOD)
        self.ok("run", "dag.yaml", "--set", 'f="3"')
        self.ok("lint", "dag.yaml", "--set", "f=3")

    def test_a_dag_comes_from_standard_input(self):
        self.write("data.csv", GOOD)
        for command in ("run", "lint"):
            done = subprocess.run([AIPIPE, command, "-"], cwd=self.folder, input=TRAIN.encode(), capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, OK, done.stderr.decode())
        self.assertIn("model.aip", os.listdir(self.folder))
        done = subprocess.run([AIPIPE, "run", "-"], cwd=self.folder, input=TRAIN.replace("target:", "targett:").encode(), capture_output=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, DAG)
        self.assertIn(b"line 7:13: error:", done.stderr)

    def test_summary_of_a_failed_run_counts_what_became_of_the_tasks(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", "dag: cli\ntasks:\n  good: {command: ['true']}\n  bad: {command: ['false']}\n"
                   "  after: {command: ['true'], needs: bad}\n")
        done = aipipe("run", "dag.yaml", folder=self.folder)
        self.assertEqual(done.code, FAILED)
        self.assertRegex(done.err, r"(?m)^failed: 1 of 3 tasks succeeded, 1 failed, 1 not run \(\d+\.\d\d s\)$")

    def test_profile_of_numbers(self):
        """0, 1, ..., 100 and two missing: numpy.quantile gives 5, 25, 50, 75 and 95; twelve bins by hand."""
        self.write("t.csv", "x,s\n" + "".join(f"{i},{'ab'[i % 3 == 0]}\n" for i in range(101)) + ",a\n,a\n")
        found = json.loads(self.ok("inspect", "t.csv", "--json", "--head", "2").out)
        x, s = found["columns"]
        self.assertEqual(found["rows"], 103)
        self.assertEqual({key: x[key] for key in ("type", "missing", "distinct", "min", "max", "mean")},
                         {"type": "int64", "missing": 2, "distinct": 101, "min": 0, "max": 100, "mean": 50})
        self.assertEqual(x["quantiles"], {"0.05": 5, "0.25": 25, "0.5": 50, "0.75": 75, "0.95": 95})
        self.assertEqual(x["histogram"], [9, 8, 8, 9, 8, 8, 9, 8, 8, 9, 8, 9])
        self.assertEqual(s["top"], [{"value": "a", "count": 69}, {"value": "b", "count": 34}])
        self.assertEqual(found["head"], [{"x": 0, "s": "b"}, {"x": 1, "s": "a"}])

    def test_years_have_no_thousands_separators_and_one_is_singular(self):
        self.write("t.csv", "year\n2013\n")
        out = self.ok("inspect", "t.csv").out
        self.assertIn("t.csv: 1 row, 1 column, 0 rejected", out)
        self.assertNotIn("2,013", out)
        self.write("t.csv", "distance\n2013\n3000\n")
        self.assertIn("2,013", self.ok("inspect", "t.csv").out)

    def test_help_is_folded_also_where_it_goes_to_no_terminal(self):
        for command in COMMANDS:
            for row in self.ok(command, "--help").out.splitlines():
                self.assertLessEqual(len(row), 100, row)
        self.assertIn("--write", self.ok("predict", "--help").out.splitlines()[0])

    def test_what_the_profile_does_not_know_exactly_is_marked(self):
        self.write("t.csv", "x\n" + "".join(f"{i}\n" for i in range(200001)))
        (x,) = json.loads(self.ok("inspect", "t.csv", "--json").out)["columns"]
        self.assertEqual((x["distinct"], x["distinct_is_exact"], x["quantiles_are_exact"]), (10000, False, False))
        self.assertEqual((x["min"], x["max"], x["mean"]), (0, 200000, 100000))
        # The error of a quantile of a sample of n is about sqrt(q (1 - q) / n) of the range: 5 of these are 0.8 %.
        self.assert_close(x["quantiles"]["0.5"] / 200000, 0.5, 0.008)
        out = self.ok("inspect", "t.csv").out
        self.assertIn("> 10,000", out)
        self.assertIn("~", out)
        self.assertEqual(out, self.ok("inspect", "t.csv").out)

    def test_rejected_rows_are_counted_and_shown(self):
        self.write("t.csv", "x,y\n1,2\n3\n4,5\n")
        found = json.loads(self.ok("inspect", "t.csv", "--json").out)
        self.assertEqual((found["rows"], found["rejected"]), (2, 1))
        self.assertEqual((found["rejects"][0]["source"], found["rejects"][0]["line"]), ("t.csv", 3))
        self.assertIn("t.csv:3", self.ok("inspect", "t.csv").out)

    def test_the_options_that_read_a_dirty_file_can_be_pasted(self):
        name = "it's \"dirty\" $HOME ${x} \\n\x1b.csv"
        self.write(name, "made by hand\n\nname|price\n" + "".join(f"'a|{i}'|{i},5\nb|{i},25\n" for i in range(40)))
        out = self.ok("inspect", name, "--set", 'null_values=["7,25", "it\'s"]').out
        self.assertNotIn("\x1b", out)
        self.assertEqual(out.count("DIALECT"), 1)
        shell, yaml = out.split("Read it with\n")[1].split("\n")[:2]
        prices = ["" if (i, end) == (7, 25) else f"{i}.{end}" for i in range(40) for end in (5, 25)]
        done = subprocess.run(["sh", "-euc", shell.replace("  aipipe", '"$AIPIPE"', 1)], cwd=self.folder, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = table(self.read("OUT.csv").decode())
        self.assertEqual([row["price"] for row in rows], prices)
        self.assertEqual([row["name"] for row in rows], [name for i in range(40) for name in (f"a|{i}", "b")])
        self.write("dag.yaml", f"dag: d\ntasks:\n  t:\n  {yaml}\n  w: {{from: t, write: dag.csv}}\n")
        self.ok("run", "dag.yaml")
        self.assertEqual(self.read("dag.csv"), self.read("OUT.csv"))

    def test_a_name_that_looks_like_an_option_can_be_pasted(self):
        self.write("-x.csv", "a;b\n1;2\n" * 2)
        shell = self.ok("inspect", "--", "-x.csv").out.split("Read it with\n")[1].split("\n")[0]
        subprocess.run(["sh", "-euc", shell.replace("  aipipe", '"$AIPIPE"', 1) + " --quiet"], cwd=self.folder, timeout=60, check=True)
        self.assertEqual(self.read("OUT.csv"), b"a,b\n1,2\na,b\n1,2\n")

    def test_read_parameters_reach_the_reader(self):
        self.write("t.txt", "x;y\n1;-\n2;3\n")
        found = json.loads(self.ok("inspect", "t.txt", "--json", "--set", "format=csv", "--set", "delimiter=;", "--set",
                                   'null_values=["-"]').out)
        self.assertEqual([(c["name"], c["type"], c["missing"]) for c in found["columns"]], [("x", "int64", 0), ("y", "int64", 1)])

    def test_predictions_go_to_a_file_when_asked(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN)
        self.ok("run", "dag.yaml")
        done = self.ok("predict", "model.aip", "data.csv", "--output", "out.csv")
        self.assertEqual(done.out, "")
        self.assertEqual(self.read("out.csv").decode(), self.ok("predict", "model.aip", "data.csv").out)


class Formats(PipelineTest):
    def test_texts_with_zero_bytes_are_inspected_whole(self):
        self.write("nul.ndjson", '{"a":"x\\u0000y","b":1}\n')
        shown = self.ok("inspect", "nul.ndjson").out
        self.assertIn("1 row, 2 columns, 0 rejected", shown)
        self.assertRegex(shown, r"(?m)^x\?y +1$") # as other control characters are shown
        found = json.loads(self.ok("inspect", "nul.ndjson", "--json").out)
        self.assertEqual((found["rows"], found["head"]), (1, [{"a": "x\0y", "b": 1}]))

    def test_infinities_are_shown_and_are_no_missing_values(self):
        self.write("i.csv", "v,both,s\n1,inf,NaN\n2,-inf,Infinity\ninf,nan,x\n,1.5,x\n")
        shown = self.ok("inspect", "i.csv", "--set", 'null_values=[""]').out
        self.assertRegex(shown, r"(?m)^v +float64 +1 +25\.0 % +3 +1 +inf$")
        self.assertRegex(shown, r"(?m)^both +float64 +1 +25\.0 % +3 +-inf +inf$")
        self.assertRegex(shown, r"(?m)^v +inf +1\.1 +1\.5 +2 +inf +inf ")
        self.assertRegex(shown, r"(?m)^both +nan +-inf +-inf +1\.5 +inf +inf ")
        self.assertRegex(shown, r"(?m)^ +1 +inf +NaN\n +2 +-inf +Infinity\ninf +nan +x\n +1\.5 +x$")
        found = json.loads(self.ok("inspect", "i.csv", "--json", "--set", 'null_values=[""]').out)
        v, both, _ = found["columns"]
        self.assertEqual((v["min"], v["max"], v["mean"]), (1, "Infinity", "Infinity"))
        self.assertEqual((both["min"], both["max"], both["mean"]), ("-Infinity", "Infinity", "NaN"))
        self.assertEqual([row["both"] for row in found["head"]], ["Infinity", "-Infinity", "NaN", 1.5])

    def test_a_rejected_row_with_a_zero_byte_is_shown(self):
        self.write("nul.csv", b"a,b\n1,x\0y\n2,z\n")
        self.assertIn("1 row, 2 columns, 1 rejected", self.ok("inspect", "nul.csv").out)
        found = json.loads(self.ok("inspect", "nul.csv", "--json").out)
        self.assertEqual((found["rows"], found["rejected"], found["rejects"][0]["line"]), (1, 1, 2))

    def test_a_named_pipe_is_inspected_from_its_start(self):
        path, rows = os.path.join(self.folder, "pipe.csv"), "a,b\n" + "".join(f"{i},x\n" for i in range(2000))
        os.mkfifo(path)
        writer = subprocess.Popen(["sh", "-c", 'printf %s "$1" > "$0"', path, rows])
        done = self.ok("inspect", path)
        self.assertEqual(writer.wait(timeout=60), 0)
        self.assertIn("2,000 rows, 2 columns, 0 rejected", done.out)

    def test_arrow_files_have_no_rejects(self):
        self.write("t.csv", "a,b\n1,x\n2,y\n")
        self.ok("convert", "t.csv", "t.arrow")
        self.assertIn("2 rows, 2 columns, 0 rejected", self.ok("inspect", "t.arrow").out)
        self.assertEqual(json.loads(self.ok("inspect", "t.arrow", "--json").out)["explained"], {"path": "t.arrow", "format": "arrow"})
        self.ok("convert", "t.arrow", "out.csv", "--rejects", "rejects.csv")
        self.assertEqual(self.read("out.csv"), self.read("t.csv"))
        self.assertEqual(self.read("rejects.csv").count(b"\n"), 1, "a table without rows")
        self.assertIn("on_bad_row", aipipe("inspect", "t.arrow", "--set", "on_bad_row=reject", folder=self.folder).err)

    if "AIPIPE_BROKEN_JSON" in os.environ: # not where a sanitizer's runtime has to be loaded first
        def test_json_of_the_library_that_cannot_be_read_is_an_error(self):
            self.write("data.csv", GOOD)
            self.write("dag.yaml", TRAIN)
            for function, *arguments in (("aip_dataset_profile", "inspect", "data.csv"), ("aip_read_explain", "inspect", "data.csv"),
                                         ("aip_catalog_json", "inspect", "data.csv"), ("aip_dataset_report", "convert", "data.csv", "out.csv"),
                                         ("aip_catalog_json", "catalog"), ("aip_catalog_json", "catalog", "csv"),
                                         ("aip_dag_describe", "run", "dag.yaml"), ("aip_dag_describe", "lint", "dag.yaml"),
                                         ("aip_run_report", "run", "dag.yaml")):
                self.ok(*arguments, LD_PRELOAD=os.environ["AIPIPE_BROKEN_JSON"])
                done = aipipe(*arguments, folder=self.folder, LD_PRELOAD=os.environ["AIPIPE_BROKEN_JSON"], BROKEN_JSON=function)
                self.assertNotEqual(done.code, OK, str(done))
                self.assertIn("the library's JSON cannot be read", done.err, str(done))
                self.assertNotIn("Segmentation", done.err)

    def test_whether_rows_can_be_set_aside_is_asked_of_the_format_that_is_read(self):
        self.write("t.csv", "a,b\n1,x\n2,y,z\n3,y\n")
        self.ok("convert", "t.csv", "good.csv.gz", "--rejects", "rejects.csv")
        self.ok("convert", "good.csv.gz", "t.FEATHER")
        shutil.copy(self.path("t.csv"), self.path("csv.txt"))
        shutil.copy(self.path("t.FEATHER"), self.path("arrow.csv"))
        shutil.copy(self.path("t.csv"), self.path("csv.TSV"))
        for source, settings, rejected in (("csv.txt", ("format=csv",), 1), ("t.FEATHER", (), 0), ("arrow.csv", ("format=arrow",), 0),
                                           ("csv.TSV", ("delimiter=,",), 1), ("./[c]sv.TSV", ("delimiter=,", "format=null"), 1)):
            given = [word for setting in settings for word in ("--set", setting)]
            report = json.loads(self.ok("convert", source, "out.csv", "--rejects", "rejects.csv", "--json", *given).out)
            self.assertEqual((report["rows_out"], report["rows_rejected"]), (2, rejected), source)
            self.assertEqual(json.loads(self.ok("inspect", source, "--json", *given).out)["rejected"], rejected, source)
        self.assertIn("'nosuch'", aipipe("inspect", "t.csv", "--set", "format=nosuch", folder=self.folder).err)

    def test_one_of_a_thing_is_not_told_as_many(self):
        self.write("three.csv", "a;b\nx\n")
        done = self.ok("inspect", "three.csv")
        self.assertIn("1 of 1 sampled row: ", done.out)
        self.assertIn("1 of 1 row was rejected", done.err)
        self.write("two.csv", "junk\na;b\n1,5;2\n")
        done = self.ok("inspect", "two.csv")
        for words in ("1 number has a decimal comma", "the line before it holds next to nothing"):
            self.assertIn(words, done.out)
        self.assertRegex(self.ok("inspect", "two.csv", "--set", "delimiter=|", "--set", "quote=null").out, r"[( ]1 column[),]")

    def test_settings_are_json_or_lists_and_maps_as_dag_files_write_them(self):
        self.write("t.csv", "qty,at,a b\n1,2,3\n-,5,6\n")
        hint = aipipe("convert", "t.csv", "out.csv", "--set", "infer_rows=1", folder=self.folder).err
        self.assertIn("types: {qty: utf8}", hint)
        for setting, types in (("types={qty: utf8}", ["utf8", "int64", "int64"]), ("types={qty: utf8, a b: 'float64'}", ["utf8", "int64", "float64"]),
                               ('types={"qty": "utf8"}', ["utf8", "int64", "int64"]), ("types={\n  qty: utf8}", ["utf8", "int64", "int64"])):
            columns = json.loads(self.ok("inspect", "t.csv", "--json", "--set", setting).out)["columns"]
            self.assertEqual([column["type"] for column in columns], types, setting)
        self.ok("convert", "t.csv", "out.csv", "--set", "null_values=[-, NA]", "--set", "columns=[qty, a b]")
        self.assertEqual(self.read("out.csv"), b"qty,a b\n1,3\n,6\n")
        for setting in ("types={qty: utf8", "types={qty: utf8}}, tasks: {"):
            done = aipipe("inspect", "t.csv", "--set", setting, folder=self.folder)
            self.assertEqual(done.code, USAGE, str(done))
            self.assertIn("expected a map", done.err)
        self.write("bracket.csv", "a[b\n1[2\n")
        self.assertIn("1 row, 2 columns", self.ok("inspect", "bracket.csv", "--set", "delimiter=[").out, "what is none of them is text")

    def test_the_catalogue_says_the_extensions_of_a_format(self):
        formats = {entry["name"]: entry for entry in json.loads(self.ok("catalog", "--json").out) if entry["kind"] == "format"}
        self.assertEqual(formats["csv"]["extensions"], ["csv", "tsv"])
        self.assertEqual(formats["json"]["extensions"], ["json"])


class Terminal(PipelineTest):
    def setUp(self):
        super().setUp()
        self.copy("flights")

    def test_nothing_is_wider_than_the_terminal(self):
        self.ok("run", "flights.yaml")
        for arguments in (("--help",), ("run", "--help"), ("catalog",), ("catalog", "read"), ("inspect", "data/planes.csv"),
                          ("inspect", "models/flights.aip"), ("run", "flights.yaml")):
            for columns in (60, 70):
                code, out = on_terminal(self.folder, *arguments, columns=columns)
                self.assertEqual(code, OK, out)
                for row in re.split(r"[\r\n]+", ESCAPES.sub("", out)):
                    self.assertLessEqual(columns_of(row), columns, f"{arguments}: {row!r}")

    def test_a_narrow_terminal_cuts_no_names_of_parameters_and_no_ranges(self):
        for name in ("simple_imputer", "standard_scaler", "format.csv", "logistic_regression", "read"):
            _, out = on_terminal(self.folder, "catalog", name, columns=60)
            for parameter in json.loads(self.ok("catalog", name, "--json").out)["params"]:
                self.assertRegex(ESCAPES.sub("", out), rf"(?m)^{parameter['name']}\b", name)
            self.assertNotIn("…", out)
        _, out = on_terminal(self.folder, "inspect", "data/flights-2013-01.csv.gz", columns=60)
        out = ESCAPES.sub("", out)
        self.assertRegex(out, r"(?m)^COLUMN .* MIN +MAX\r?$")
        self.assertRegex(out, r"(?m)^sched_dep.* 2,359\r?$")
        self.assertRegex(out, r"(?m)^time_hour .* 2013-01-01  2013-02-01\r?$")
        _, out = on_terminal(self.folder, "run", "flights.yaml", columns=60)
        self.assertRegex(ESCAPES.sub("", out), r"(?m)^    actual negative +[\d,]+ +[\d,]+\r?$")

    def test_a_terminal_that_knows_no_escapes_gets_plain_lines(self):
        code, out = on_terminal(self.folder, "run", "flights.yaml", TERM="dumb")
        self.assertEqual(code, OK, out)
        self.assertNotIn("\x1b", out)
        self.assertRegex(out, r"(?m)^model +running\r?$")

    def test_more_tasks_than_lines_show_what_failed_and_count_the_rest(self):
        tasks = "".join(f"  t{i:02}: {{command: ['true']}}\n" for i in range(40))
        self.write("many.yaml", "dag: many\ntasks:\n" + tasks + "  zz: {command: ['false']}\n")
        code, out = on_terminal(self.folder, "run", "many.yaml", lines=12)
        self.assertEqual(code, FAILED, out)
        last = ESCAPES.sub("", out.split("\x1b[J")[-1]).splitlines()
        self.assertTrue(next(row for row in last if row[0] in "✓✗").startswith("✗ zz "), last)
        self.assertIn("… and 32 more (32 done)", last)

    def test_the_view_of_a_run_ends_with_a_line_for_each_task(self):
        code, out = on_terminal(self.folder, "run", "flights.yaml")
        self.assertEqual(code, OK, out)
        last = ESCAPES.sub("", out.split("\x1b[J")[-1])
        for name in ("flights", "hourly", "register", "table", "halves", "model", "score", "publish", "held_out"):
            self.assertRegex(last, rf"(?m)^✓ {name} ")
        self.assertTrue(out.rindex("\x1b[?25h") > out.rindex("\x1b[?25l"), "the cursor is back")

    def test_colour_obeys_no_color_and_the_option(self):
        for arguments, environment, coloured in (((), {}, True), ((), {"NO_COLOR": "1"}, False), (("--color", "never"), {}, False),
                                                 (("--color=always",), {"NO_COLOR": "1"}, True), ((), {"TERM": "dumb"}, False)):
            _, out = on_terminal(self.folder, "catalog", *arguments, **environment)
            self.assertEqual(bool(COLOURS.search(out)), coloured, f"{arguments} {environment}")
        self.assertIsNone(COLOURS.search(self.ok("catalog").out))

    def test_blocks_need_a_locale_that_has_them(self):
        self.assertTrue(self.ok("inspect", "data/planes.csv", LC_ALL="C").out.isascii())
        self.assertIn("█", self.ok("inspect", "data/planes.csv", LC_ALL="C.UTF-8").out)


class Signals(PipelineTest):
    # Under nohup, or in the background of a shell without job control, these come ignored, and a program stays deaf to them as it should.
    HEARD = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)

    def setUp(self):
        super().setUp()
        for number in self.HEARD:
            before = signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            self.addCleanup(signal.signal, number, before)

    def endless(self, *arguments):
        """The command with a table on its standard input that has no end."""
        process = subprocess.Popen([AIPIPE, *arguments], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)

        busy = threading.Event()
        rows = b"".join(b"%d,%d\n" % (i, i * i) for i in range(20000))

        def feed():
            try:
                process.stdin.write(b"x,y\n")
                for n in itertools.count(1):
                    process.stdin.write(rows)
                    if n == 10: # more than a pipe holds: it reads
                        busy.set()
            except OSError:
                busy.set() # it has left

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        self.assertTrue(busy.wait(timeout=60))
        return process, feeder

    def ends(self, process, feeder):
        code = process.wait(timeout=30)
        out, err = process.stdout.read(), process.stderr.read().decode()
        feeder.join(timeout=30)
        process.stdout.close()
        process.stderr.close()
        try:
            process.stdin.close()
        except OSError:
            pass # what it held cannot be written any more
        return code, out, err

    def test_interrupted_work_leaves_nothing_and_says_so(self):
        self.write("dag.yaml", "dag: endless\ntasks:\n  all: {read: {path: '-'}, output: all.csv.gz}\n")
        for arguments in (("convert", "-", "all.csv.gz"), ("run", "dag.yaml"), ("run", "dag.yaml", "--threads", "0")):
            for number, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
                process, feeder = self.endless(*arguments)
                self.assertIsNone(process.poll(), "it runs until it is stopped")
                process.send_signal(number)
                found, out, err = self.ends(process, feeder)
                self.assertEqual(found, code, err)
                self.assertIn("interrupted", err)
                if arguments[0] == "run": # rows of a pass that was not finished are no result
                    self.assertRegex(err, r"(?m)^all +cancelled  \d+\.\d\d s$")
                    self.assertRegex(err, r"(?m)^cancelled: 0 of 1 task succeeded, 1 cancelled \(\d+\.\d\d s\)$")
                self.assertEqual(out, b"")
                self.assertEqual(os.listdir(self.folder), ["dag.yaml"])

    def test_a_second_interrupt_ends_at_once(self):
        self.write("dag.yaml", "dag: stuck\ntasks:\n  wait: {command: [sh, -c, 'trap \"\" TERM INT; sleep 3']}\n")
        process = subprocess.Popen([AIPIPE, "run", "dag.yaml"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        self.assertIn(b"running", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        time.sleep(0.1) # two signals that wait at once are one
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=20), INTERRUPTED)
        self.assertNotIn(b"interrupted", process.stderr.read(), "it waited for the task")
        process.stderr.close()

    def leaves_quietly(self, *arguments):
        """Runs the command with a reader of its first 100 bytes, who then goes away."""
        process = subprocess.Popen([AIPIPE, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.read(100)
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        self.assertEqual((process.wait(timeout=60), err), (-signal.SIGPIPE, b""))

    def test_a_reader_that_leaves_ends_predict_quietly(self):
        self.write("data.csv", GOOD)
        self.write("more.csv", "a,b\n" + "1,2\n" * 200000)
        self.write("dag.yaml", TRAIN)
        self.ok("run", "dag.yaml")
        self.leaves_quietly("predict", "model.aip", "more.csv")

    def test_a_reader_that_leaves_ends_convert_quietly_and_leaves_no_file_behind(self):
        self.write("more.csv", "a,b\n" + "1,2\n" * 200000)
        for options in [], ["--rejects", "rejects.csv"]:
            self.leaves_quietly("convert", "more.csv", "-", *options)
            self.assertEqual(os.listdir(self.folder), ["more.csv"])

    def test_a_run_whose_reader_has_left_still_writes_its_outputs(self):
        self.write("data.csv", GOOD)
        self.write("dag.yaml", TRAIN)
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([AIPIPE, "run", "dag.yaml", "--json"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
                              timeout=60, check=False)
        os.close(writer)
        self.assertEqual(done.returncode, OK)
        self.assertIn("model.aip", os.listdir(self.folder))


if __name__ == "__main__":
    unittest.main()
