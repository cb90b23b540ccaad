"""Contexts: the default one, settings, the log, progress, timeouts, and Ctrl-C in calls that take long."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

from support import TIMEOUT, FolderTest, ap, held_for_the_library, python

from aipipe import _context


def endless():
    """Batches for ever."""
    while True:
        yield {"a": [1] * 1000}


class Contexts(unittest.TestCase):
    def test_the_default_one_is_made_once(self):
        self.assertIs(ap.default_context(), ap.default_context())
        self.assertIs(ap.dataset({"a": [1]}).context, ap.default_context())

    def test_a_with_block_has_its_own(self):
        outer = ap.default_context()
        with ap.Context(threads=0) as context:
            self.assertIs(ap.default_context(), context)
            table = ap.dataset({"a": [1]})
            with ap.Context() as inner:
                self.assertIs(ap.dataset({"a": [1]}).context, inner)
            self.assertIs(ap.default_context(), context)
            self.assertEqual(table.count(), 1)
        self.assertIs(ap.default_context(), outer)
        with self.assertRaises(ap.Error):
            table.derive(b="a + 1").collect()

    def test_other_threads_do_not_see_the_with_block(self):
        seen = []
        with ap.Context():
            thread = threading.Thread(target=lambda: seen.append(ap.default_context()))
            thread.start()
            thread.join()
        self.assertIs(seen[0], ap.default_context())

    def test_a_context_that_is_not_held_lives_as_long_as_its_tables(self):
        table = ap.dataset({"a": [1, 2]}, context=ap.Context(threads=0)).derive(b="a * 2")
        self.assertEqual(table.to_dict(), {"a": [1, 2], "b": [2, 4]})

    def test_tables_of_two_contexts_do_not_mix_but_move(self):
        with ap.Context() as one:
            table = ap.dataset({"k": [1], "x": [2]})
        del one
        other = ap.Context()
        source = ap.dataset({"k": [1], "y": [3]}, context=other)
        right = ap.dataset({"k": [1], "z": [4]})
        self.assertEqual(source.join(right, on="k").to_dict(), {"k": [1], "y": [3], "z": [4]})
        self.assertIsNotNone(table)

    def test_close_twice_and_then_everything_is_refused(self):
        context = ap.Context()
        context.close()
        context.close()
        with self.assertRaises(ap.Error):
            ap.dataset({"a": [1]}, context=context)

    def test_the_memory_limit_holds(self):
        context = ap.Context(memory_limit="1MB")
        with self.assertRaises(MemoryError):
            ap.dataset({"a": [1.5] * 500_000}, context=context).derive(b="a + 1").collect()  # 4 MB that are the library's
        self.assertLessEqual(context.memory_peak, 1_000_000)

    def test_memory_is_given_back(self):
        context = ap.Context()
        table = ap.dataset({"a": [1.5] * 100_000}, context=context).derive(b="a + 1").collect()
        high = context.memory_used
        self.assertGreater(high, 0)
        del table
        self.assertLess(context.memory_used, high)

    def test_a_limit_is_a_number_of_bytes_in_words(self):
        for text, number in [("512", 512), ("1KiB", 1024), ("1.5 GB", 1_500_000_000), ("2gib", 2**31), (None, 0), (7, 7)]:
            self.assertEqual(_context._bytes_of(text), number)
        for wrong in ("", "GB", "-1", "1 XB", "1 i", 0, -5):
            with self.assertRaises(ValueError):
                ap.Context(memory_limit=wrong)
        with self.assertRaises(ValueError):
            ap.Context(threads=-1)

    def test_the_catalogue(self):
        entry = ap.default_context().catalog("standard_scaler")
        self.assertEqual((entry["kind"], entry["name"]), ("stage", "standard_scaler"))
        self.assertIn("csv", [e["name"] for e in ap.default_context().catalog()])
        with self.assertRaisesRegex(ap.NotFoundError, "standard_scaler"):
            ap.default_context().catalog("standard_scalar")

    def test_configure_changes_what_is_made_afterwards(self):
        done = python("""
import aipipe as ap
before = ap.dataset({"a": [1]})
ap.configure(threads=0, memory_limit="100MB")
after = ap.dataset({"a": [1]})
assert before.context is not after.context and before.count() == after.count() == 1
ap.configure(memory_limit="200MB")
assert ap._context.settings.options == {"threads": 0, "memory_limit": "200MB"}
for wrong, kind in [({"thread": 1}, TypeError), ({"memory_limit": "many"}, ValueError)]:
    try:
        ap.configure(**wrong)
    except kind:
        assert ap.default_context()._handle.value and ap._context.settings.options["memory_limit"] == "200MB"
    else:
        raise SystemExit("not refused")
print("done")
""")
        self.assertEqual(done.stdout, "done\n")

    def test_an_executor_of_the_host_does_the_work(self):
        import concurrent.futures

        names = set()

        class Watched(concurrent.futures.ThreadPoolExecutor):
            def submit(self, fn, *args, **kwargs):
                names.add("submitted")
                return super().submit(fn, *args, **kwargs)

        with Watched(2) as pool, ap.Context(executor=pool) as context:
            table = ap.dataset({"a": list(range(300_000))}, context=context)
            self.assertEqual(sum(table.derive(b="a + 1").to_dict()["b"]), sum(range(300_000)) + 300_000)
        self.assertEqual(names, {"submitted"})

    def test_an_executor_that_is_shut_down_leaves_the_work_to_the_caller(self):
        import concurrent.futures

        pool = concurrent.futures.ThreadPoolExecutor(1)
        context = ap.Context(executor=pool)
        pool.shutdown()
        table = ap.dataset({"a": list(range(300_000))}, context=context)
        self.assertEqual(table.derive(b="a + 1").collect().count(), 300_000)

    def test_what_is_no_executor_of_threads_is_refused(self):
        import concurrent.futures

        with concurrent.futures.ProcessPoolExecutor(1) as pool:
            for wrong in (pool, 5):
                with self.assertRaises(TypeError):
                    ap.Context(executor=wrong)


class Log(FolderTest):
    def rejecting(self, context=None):
        path = self.write("t.csv", "a\n" + "1\n" * 10 + "x\n")
        return ap.read_csv(path, types={"a": "int64"}, on_bad_row="reject", context=context)

    def test_lines_go_to_logging_on_the_calling_thread(self):
        threads = []
        handler = logging.Handler()
        handler.emit = lambda record: threads.append((threading.current_thread(), record))
        logger = logging.getLogger("aipipe")
        logger.addHandler(handler)
        try:
            self.rejecting().count()
        finally:
            logger.removeHandler(handler)
        self.assertEqual({thread for thread, _ in threads}, {threading.main_thread()})
        self.assertEqual(threads[-1][1].levelno, logging.WARNING)
        self.assertIn("rejected", threads[-1][1].getMessage())

    def test_a_handler_may_use_the_library(self):
        counts = []

        def log(level, task, message):
            counts.append(ap.dataset({"a": [1, 2]}).derive(b="a + 1").collect().count())

        self.rejecting(ap.Context(log=log)).count()
        self.assertEqual(counts, [2])

    def test_nothing_is_said_without_a_log(self):
        with self.assertRaises(AssertionError), self.assertLogs("aipipe"):
            self.rejecting(ap.Context(log=False)).count()

    def test_what_a_log_raises_is_raised(self):
        def log(level, task, message):
            raise LookupError(message)

        with self.assertRaises(LookupError):
            self.rejecting(ap.Context(log=log)).count()


class LongCalls(FolderTest):
    def test_progress_is_called_on_the_calling_thread(self):
        seen = []
        path = self.write("t.csv", "a,b\n" + "1,x\n" * 500_000)
        ap.read_csv(path).collect(progress=lambda p: seen.append((threading.current_thread(), p)))
        self.assertEqual({thread for thread, _ in seen}, {threading.main_thread()})
        last = seen[-1][1]
        self.assertEqual(last.phase, "read")
        self.assertLessEqual(last.rows, 500_000)
        self.assertTrue(last.fraction is None or 0 <= last.fraction <= 1)

    def test_what_progress_raises_ends_the_call(self):
        def progress(p):
            raise LookupError("enough")

        with self.assertRaises(LookupError):
            ap.from_batches(endless, {"a": "int64"}).count(progress=progress)
        result = []

        def on_a_thread():
            try:
                ap.from_batches(endless, {"a": "int64"}).count(progress=progress)
            except LookupError:
                result.append("raised")

        thread = threading.Thread(target=on_a_thread)
        thread.start()
        thread.join(TIMEOUT)
        self.assertEqual(result, ["raised"])

    def test_a_timeout_ends_the_call(self):
        before = held_for_the_library()
        with self.assertRaises(TimeoutError):
            ap.from_batches(endless, {"a": "int64"}).count(timeout=0.05)
        self.assertLessEqual(held_for_the_library(), before)

    def test_other_threads_run_meanwhile(self):
        """The GIL is free during a call: a thread of Python's counts on."""
        path = self.write("t.csv", "a,b\n" + "1,x\n" * 500_000)
        counted, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                counted[0] += 1
                time.sleep(0)

        thread = threading.Thread(target=count)
        thread.start()
        before = counted[0]
        ap.read_csv(path).collect()
        self.assertGreater(counted[0], before)
        stop.set()
        thread.join()

    def test_signal_handlers_run_during_a_call_and_may_call_the_library(self):
        ran = []

        def handler(number, frame):
            ran.append(ap.dataset({"a": [1, 2, 3]}).derive(b="a + 1").collect().count())

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with self.assertRaises(TimeoutError):
                ap.from_batches(endless, {"a": "int64"}).count(timeout=0.5)
        finally:
            signal.signal(signal.SIGALRM, before)
        self.assertEqual(ran, [3])


INTERRUPTED = """
import gc, sys, time
import aipipe as ap
from aipipe import _arrow, _ffi

kind, path = sys.argv[1:]
if kind == "python":
    def rows():
        while True:
            yield {"a": [1.5] * 1000}
    table = ap.from_batches(rows, {"a": "float64"})
else:
    table = ap.read_csv([path] * 100_000, infer_rows=100)
context = ap.default_context()
used = context.memory_used
threads = None
for i in range(3):
    print("go", flush=True)
    try:
        table.derive(b="a + 1").collect()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    else:
        print("ended by itself", flush=True)
end = time.monotonic() + 60
while any(isinstance(v, _ffi.Job) for v in gc.get_objects()):  # the helper drops its own a moment after it said that it is done
    assert time.monotonic() < end, "a call is left"
    gc.collect()
print("again", table.head(3).count(), flush=True)
"""


@unittest.skipUnless(hasattr(signal, "SIGINT") and os.name == "posix", "signals of POSIX")
class CtrlC(FolderTest):
    def interrupted(self, kind):
        path = self.write("t.csv", "a,b\n" + "1.5,x\n" * 20_000)
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, kind, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with process:
            try:
                for _ in range(3):
                    self.assertEqual(process.stdout.readline(), "go\n")
                    time.sleep(0.2)
                    process.send_signal(signal.SIGINT)
                    self.assertEqual(process.stdout.readline(), "interrupted\n")
                self.assertEqual(process.stdout.readline(), "again 3\n")
                rest = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
        self.assertEqual((process.returncode, rest), (0, ("", "")))

    def test_a_pass_over_files_ends_and_can_be_made_again(self):
        self.interrupted("files")

    def test_a_pass_over_python_code_ends_and_can_be_made_again(self):
        self.interrupted("python")


if __name__ == "__main__":
    unittest.main()
