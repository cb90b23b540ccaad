"""What the integration tests share: running the `aipipe` command, reading what it says, and comparing numbers.

Python's standard library only. The command under test is named by the environment: AIPIPE (the program), AIPIPE_SOURCE (the tree).
"""
import csv
import io
import json
import os
import shutil
import subprocess
import tempfile
import unittest

AIPIPE = os.environ["AIPIPE"]
SOURCE = os.environ["AIPIPE_SOURCE"]
EXAMPLES = os.path.join(SOURCE, "examples")
TIMEOUT = 600 # seconds


class Done:
    """How a run of the command ended."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def __str__(self):
        return f"aipipe {' '.join(self.arguments)}: exit code {self.code}\n--- stdout\n{self.out[-4000:]}\n--- stderr\n{self.err[-4000:]}"


def aipipe(*arguments, folder=None, **environment):
    """Runs the command to its end and returns how it went, whatever that was."""
    arguments = [str(argument) for argument in arguments]
    done = subprocess.run([AIPIPE, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
                          env={**os.environ, **environment}, check=False)
    return Done(arguments, done.returncode, done.stdout, done.stderr)


class PipelineTest(unittest.TestCase):
    """A test in an empty folder of its own, self.folder."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="aipipe-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def copy(self, example):
        """A copy of the tracked files of an example, without what a run in the tree left there."""
        shutil.copytree(os.path.join(EXAMPLES, example), self.folder, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("models", "*.aip", "ingested_data.csv", "processed_data.csv"))

    def write(self, name, content):
        with open(self.path(name), "wb") as stream:
            stream.write(content if isinstance(content, bytes) else content.encode("utf-8"))

    def read(self, name):
        with open(self.path(name), "rb") as stream:
            return stream.read()

    def ok(self, *arguments, **environment):
        done = aipipe(*arguments, folder=self.folder, **environment)
        self.assertEqual(done.code, 0, str(done))
        return done

    def run_json(self, *arguments, **environment):
        """The report of `aipipe run ... --json`: stdout holds it and nothing else."""
        done = self.ok("run", *arguments, "--json", **environment)
        return json.loads(done.out)

    def assert_threads_change_no_byte(self, outputs, *arguments):
        """Runs with 0, 1, 2 and 8 threads, each time afresh: every output is the same to the byte."""
        first = None
        for threads in (0, 1, 2, 8):
            self.run_json(*arguments, "--threads", threads)
            written = {name: self.read(name) for name in outputs}
            for name in outputs:
                os.remove(self.path(name))
            first = first or written
            for name in outputs:
                self.assertTrue(written[name] == first[name], f"{name}: differs between 0 and {threads} threads")

    def assert_close(self, found, expected, tolerance, what=""):
        self.assertLessEqual(abs(found - expected), tolerance * max(1.0, abs(expected)),
                             f"{what}: {found!r}, expected {expected!r} within {tolerance}")


def expected(name):
    with open(os.path.join(SOURCE, "tests", "integration", "oracle", "expected", name + ".json"), encoding="utf-8") as stream:
        return json.load(stream)


def task(report, name):
    """One task of a run report."""
    return next(entry for entry in report["tasks"] if entry["task"] == name)


def table(text):
    """CSV text as a list of rows, each a dict of strings."""
    return list(csv.DictReader(io.StringIO(text)))
