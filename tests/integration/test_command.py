"""The `aipipe` command itself: what goes to stdout and what to stderr, exit codes, and what each subcommand promises."""
import json
import os
import signal
import subprocess
import time
import unittest

from harness import AIPIPE, PipelineTest, aipipe, table


class Command(PipelineTest):
    def test_version_and_help_go_to_stdout(self):
        for option in ("--version", "--help"):
            done = self.ok(option)
            self.assertEqual(done.err, "")
            self.assertIn("aipipe", done.out)

    def test_wrong_usage_is_exit_code_2_and_talks_to_stderr(self):
        for arguments in ([], ["rnu", "x.yaml"], ["run"], ["run", "--threads"], ["run", "--nonsense", "x.yaml"]):
            done = aipipe(*arguments, folder=self.folder)
            self.assertEqual(done.code, 2, str(done))
            self.assertEqual(done.out, "", str(done))
            self.assertNotEqual(done.err, "", str(done))

    def test_catalog_lists_every_stage_and_documents_one(self):
        listing = self.ok("catalog").out
        for name in ("select", "rename", "cast", "filter", "derive", "drop_missing", "simple_imputer", "standard_scaler",
                     "one_hot_encoder", "join", "logistic_regression", "read", "transform", "split", "train", "evaluate", "predict",
                     "write", "command"):
            self.assertIn(name, listing)
        self.assertIn("strategy", self.ok("catalog", "simple_imputer").out)
        misspelt = aipipe("catalog", "simple_imputr", folder=self.folder)
        self.assertGreater(misspelt.code, 0)
        self.assertIn("simple_imputer", misspelt.err)

    def test_lint_accepts_the_examples_and_runs_nothing(self):
        for example, dag in (("article", "article.yaml"), ("flights", "flights.yaml")):
            self.copy(example)
            before = sorted(os.listdir(self.folder))
            self.ok("lint", dag)
            self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_lint_refuses_what_run_would(self):
        self.write("dag.yaml", "dag: wrong\ntasks:\n  data: {read: {paht: data.csv}}\n")
        done = aipipe("lint", "dag.yaml", folder=self.folder)
        self.assertGreater(done.code, 0, str(done))
        self.assertIn("dag.yaml:3", done.err)
        self.assertIn("path", done.err)

    def test_inspect_counts_missing_and_distinct(self):
        self.write("t.csv", "x,name\n1,a\n2,b\n,a\n4,\n")
        out = self.ok("inspect", "t.csv").out
        for word in ("x", "int64", "name", "utf8"):
            self.assertIn(word, out)

    def test_convert_keeps_the_table(self):
        self.write("t.csv", 'x,name\n1,"a, quoted ""one"""\n,b\n3,\n')
        self.ok("convert", "t.csv", "u.csv.gz")
        self.ok("convert", "u.csv.gz", "v.csv")
        self.assertEqual(table(self.read("v.csv").decode()), table(self.read("t.csv").decode()))

    def test_json_report_is_the_only_thing_on_stdout(self):
        self.copy("article")
        report = json.loads(self.ok("run", "article.yaml", "--json").out)
        self.assertEqual(report["state"], "success")

    def test_no_escape_sequences_where_no_terminal_is(self):
        self.copy("article")
        done = self.ok("run", "article.yaml")
        self.assertIn("train_model", done.err)
        self.assertNotIn("\x1b", done.out + done.err)

    def test_set_checks_the_parameter(self):
        self.copy("flights")
        for setting, word in (("test_sise=0.3", "test_size"), ("test_size=7", "test_size")):
            done = aipipe("run", "flights.yaml", "--set", setting, folder=self.folder)
            self.assertGreater(done.code, 0, str(done))
            self.assertIn(word, done.err)

    def test_interrupt_stops_cleanly(self):
        self.write("dag.yaml", "dag: slow\ntasks:\n  wait: {command: [sleep, '60']}\n")
        process = subprocess.Popen([AIPIPE, "run", "dag.yaml"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(out, b"")


if __name__ == "__main__":
    unittest.main()
