"""What the tests of the Python package share. Python's standard library only.

The environment names what is tested: PYTHONPATH the folder that holds the package, AIPIPE_LIBRARY the shared library.
"""

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import aipipe as ap
from aipipe import _arrow, _ffi

TIMEOUT = 120  # seconds


class FolderTest(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="aipipe-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        return self.path(name)


def python(script, *arguments, check=True, **environment):
    """Runs a script in a process of its own; returns the CompletedProcess. A crash or a complaint at the interpreter's end shows
    there."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", script, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env={**os.environ, **environment},
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"exit status {done.returncode}\n--- stdout\n{done.stdout[-4000:]}\n--- stderr\n{done.stderr[-4000:]}"
        )
    return done


def held_for_the_library():
    """How many Python objects and exported structs the library holds now."""
    gc.collect()
    end = time.monotonic() + TIMEOUT
    while any(t.name == "aipipe-batches" for t in threading.enumerate()):
        if time.monotonic() > end:
            raise AssertionError("a pass that was given up does not end")
        time.sleep(0.01)  # its thread holds the table and a callback until then
    gc.collect()  # what those threads left
    return len(_ffi._kept) + len(_arrow._exported)


__all__ = ["TIMEOUT", "FolderTest", "ap", "held_for_the_library", "python"]
