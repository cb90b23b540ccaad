"""Handles may be dropped in any order, on any thread, in callbacks, in forked children and at the interpreter's end.

Nothing crashes or stays behind.
"""

import gc
import multiprocessing
import os
import random
import threading
import time
import unittest
import weakref

from support import TIMEOUT, FolderTest, ap, held_for_the_library, python

from aipipe import _ffi


class Anything(unittest.TestCase):
    def test_random_orders_of_create_use_and_free(self):
        """10,000 steps on a heap of contexts, datasets, batches, capsules and iterators; a failure says the seed."""
        seed = int(os.environ.get("AIPIPE_SEED", "1"))
        rng = random.Random(seed)
        heap = []

        def some(kind):
            found = [thing for thing in heap if isinstance(thing, kind)]
            return rng.choice(found) if found else None

        def new_context():
            return ap.Context(threads=rng.choice([0, 1, 2]))

        def new_table():
            context = some(ap.Context)
            return ap.dataset({"k": [1, 2, None], "s": ["a", None, "c"]}, context=context)

        def view():
            table = some(ap.Dataset)
            stage = rng.choice(
                [
                    lambda t: t.derive(x="1 + 1"),
                    lambda t: t.select(t.columns[:1]),
                    lambda t: t.head(2),
                    lambda t: t.collect(),
                    lambda t: t.map_batches(lambda b: b, t.schema),
                    lambda t: t.split(test_size=1)[0],
                ]
            )
            return table and stage(table)

        def take():
            table = some(ap.Dataset)
            return table and rng.choice([iter, ap.Dataset.__arrow_c_stream__, lambda t: next(iter(t), None), lambda t: t.schema])(
                table
            )

        def use():
            table = some(ap.Dataset)
            if table:
                rng.choice([ap.Dataset.count, ap.Dataset.to_dict, repr])(table)

        def drop():
            for _ in range(rng.randint(1, 5)):
                if heap:
                    heap.pop(rng.randrange(len(heap)))

        def cycle():
            thing = rng.choice(heap) if heap else None
            loop = [thing]
            loop.append(loop)

        def close():
            thing = some((ap.Context, ap.Dataset)) if rng.random() < 0.1 else None
            if thing:
                thing.close()

        def collect():
            gc.collect()

        def fork():
            if not hasattr(os, "fork"):
                return

            def child():
                for _ in range(30):
                    try:
                        rng.choice([use, use, drop, view, collect])()
                    except ap.Error:
                        pass
                return True

            in_child(self, child)

        steps = [new_context, new_table, new_table, view, view, view, take, use, use, drop, drop, cycle, close, collect, fork]
        weights = [1, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 2, 2, 0.2, 0.2]
        refused = 0
        for i in range(10_000):
            step = rng.choices(steps, weights)[0]
            try:
                made = step()
            except ap.Error:  # of a closed context or dataset, or a split of too few rows
                refused += 1
                made = None
            except Exception as error:
                raise AssertionError(f"seed {seed}, step {i} ({step.__name__})") from error
            if made is not None:
                heap.append(made)
            del made
        self.assertLess(refused, 5_000)
        heap.clear()
        gc.collect()

    def test_a_batch_outlives_all_that_it_came_from(self):
        batch = next(iter(ap.dataset({"a": [1, 2]}, context=ap.Context(threads=0))))
        gc.collect()
        self.assertEqual(batch["a"], [1, 2])

    def test_a_capsule_outlives_its_table_and_is_released_with_the_last_reference(self):
        before = held_for_the_library()
        capsule = ap.dataset({"a": [1, 2]}).__arrow_c_stream__()
        gc.collect()

        class Table:
            def __init__(self, capsule):
                self.capsule = capsule

            def __arrow_c_stream__(self, requested_schema=None):
                return self.capsule

        self.assertEqual(ap.dataset(Table(capsule)).to_dict(), {"a": [1, 2]})
        with self.assertRaisesRegex(ValueError, "taken over before"):
            ap.dataset(Table(capsule))
        del capsule
        self.assertLessEqual(held_for_the_library(), before)

    def test_what_is_no_capsule_of_arrow_is_refused(self):
        class Table:
            def __arrow_c_stream__(self, requested_schema=None):
                return ap.dataset({"a": [1]}).__arrow_c_schema__()

        with self.assertRaisesRegex(TypeError, "arrow_array_stream"):
            ap.dataset(Table())

    def test_a_capsule_that_goes_while_an_exception_is_raised_leaves_that_exception(self):
        def fails():
            capsules = [ap.dataset({"a": [1]}).__arrow_c_stream__(), *next(iter(ap.dataset({"a": [1]}))).__arrow_c_array__()]
            raise LookupError(len(capsules))

        before = held_for_the_library()
        for _ in range(100):
            with self.assertRaisesRegex(LookupError, "3"):
                fails()
        self.assertLessEqual(held_for_the_library(), before)

    def test_a_batch_goes_out_and_comes_back_through_arrow(self):
        table = {"a": [1, None, 3], "s": ["x", "yy", None], "b": [True, None, False]}
        batch = next(iter(ap.dataset(table)))

        class Array:
            __arrow_c_array__ = batch.__arrow_c_array__

        self.assertEqual(ap.dataset(Array()).to_dict(), table)
        self.assertEqual(ap.dataset(batch).to_dict(), table)

    def test_handles_cannot_be_copied(self):
        import copy
        import pickle

        table = ap.dataset({"a": [1]})
        for thing in (table, table._handle):
            with self.assertRaises(TypeError):
                pickle.dumps(thing)
            with self.assertRaises(TypeError):
                copy.copy(thing)


class InCallbacks(unittest.TestCase):
    def test_contexts_that_are_collected_in_a_callback_are_freed_after_it(self):
        """The free of a context waits for its work: in a callback that would be for ever."""
        done = []

        def fn(batch):
            context = ap.Context()
            table = ap.dataset({"a": [1]}, context=context)
            loop = [context, table]
            loop.append(loop)
            del context, table, loop
            gc.collect()
            done.append(1)
            return batch

        self.assertEqual(ap.dataset({"a": [1]}).map_batches(fn, {"a": "int64"}).to_dict(), {"a": [1]})
        self.assertEqual(done, [1])
        _ffi._free_pending()
        self.assertEqual(len(_ffi._pending), 0)

    def test_a_callback_may_use_other_tables_and_contexts(self):
        side = ap.dataset({"k": [1, 2], "name": ["one", "two"]})

        def fn(batch):
            with ap.Context(threads=2):
                inner = ap.dataset({"x": list(range(100_000))}).derive(y="x * 2").collect()
            return {"n": [len(side.join({"k": [1]}, on="k").to_dict()["k"]) + inner.count() for _ in batch["k"]]}

        self.assertEqual(side.map_batches(fn, {"n": "int64"}).to_dict(), {"n": [100_001, 100_001]})

    def test_iterators_that_are_given_up_end_their_threads(self):
        before = threading.active_count()
        table = ap.dataset({"a": list(range(1_000_000))})
        for _ in range(20):
            for batch in table:
                self.assertEqual(batch["a"][0], 0)
                break
        gc.collect()
        end = time.monotonic() + TIMEOUT
        while threading.active_count() > before + 1 and time.monotonic() < end:
            time.sleep(0.01)
        self.assertLessEqual(threading.active_count(), before + 1)

    def test_a_pass_that_is_given_up_ends_also_where_no_row_comes_out(self):
        def endless():
            yield {"a": [1]}
            while True:
                yield {"a": [0] * 1000}

        rows = iter(ap.from_batches(endless, {"a": "int64"}).filter("a = 1"))
        self.assertEqual(next(rows)["a"], [1])
        rows.close()
        held_for_the_library()  # waits until the pass has ended

    def test_objects_of_dropped_sources_are_given_back(self):
        before = held_for_the_library()

        class Rows:
            def __call__(self):
                yield {"a": [1]}

        rows = Rows()
        gone = weakref.ref(rows)
        table = ap.from_batches(rows, {"a": "int64"})
        view = table.derive(b="a + 1")
        del rows, table
        gc.collect()
        self.assertIsNotNone(gone())
        self.assertEqual(view.to_dict(), {"a": [1], "b": [2]})
        del view
        gc.collect()
        self.assertIsNone(gone())
        self.assertLessEqual(held_for_the_library(), before)


class Threads(unittest.TestCase):
    def test_many_threads_use_one_table_and_drop_it(self):
        table = ap.dataset({"a": list(range(100_000))}).derive(b="a * 2")
        errors = []

        def work(n):
            try:
                for _ in range(5):
                    if table.filter(f"a % {n + 2} = 0").count() != len(range(0, 100_000, n + 2)):
                        errors.append(n)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        self.assertEqual(errors, [])

    def test_the_last_reference_may_fall_on_any_thread(self):
        for _ in range(50):
            things = [ap.Context(threads=2)]
            things.append(ap.dataset({"a": [1]}, context=things[0]).derive(b="a"))
            thread = threading.Thread(target=things.clear)
            thread.start()
            thread.join(TIMEOUT)
            self.assertFalse(thread.is_alive())

    def test_a_context_that_is_closed_ends_calls_on_other_threads(self):
        context = ap.Context()

        def endless():
            while True:
                yield {"a": [1] * 1000}

        caught = []

        def work():
            try:
                ap.from_batches(endless, {"a": "int64"}, context=context).count()
            except ap.Cancelled as error:
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.1)
        context.close()
        thread.join(TIMEOUT)
        self.assertEqual(len(caught), 1)


def in_child(test, work):
    """Runs work() in a forked child; its result must be True, soon."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() is True else 2
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            test.assertEqual(os.waitstatus_to_exitcode(status), 0)
            return
        time.sleep(0.005)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    test.fail("the child hangs")


@unittest.skipUnless(hasattr(os, "fork"), "fork")
class Forks(FolderTest):
    def test_tables_in_memory_are_usable_in_the_child(self):
        table = ap.dataset({"a": list(range(200_000))})
        view = table.filter("a >= 100000")
        view.count()
        for _ in range(5):
            in_child(self, lambda: view.count() == 100_000 and view.head(1).to_dict() == {"a": [100_000]})

    def test_the_child_has_a_default_context_of_its_own_with_threads(self):
        parent = ap.default_context()
        in_child(
            self,
            lambda: (
                ap.default_context() is not parent
                and len(ap.dataset({"a": [1] * 200_000}).derive(b="a + 1").collect()) == 200_000
            ),
        )
        self.assertIs(ap.default_context(), parent)

    def test_the_child_frees_what_it_inherited(self):
        def drop():
            things.clear()
            gc.collect()
            return True

        things = [ap.Context(threads=2), ap.dataset({"a": [1]}), ap.read_csv(self.write("t.csv", "a\n1\n"))]
        things.append(iter(ap.dataset({"a": list(range(500_000))})))
        next(things[-1])
        in_child(self, drop)

    def test_an_iterator_of_the_parent_is_refused_in_the_child(self):
        rows = iter(ap.dataset({"a": list(range(300_000))}))
        next(rows)

        def child():
            try:
                next(rows)
            except ap.ForkedError:
                return True

        in_child(self, child)
        self.assertEqual(sum(map(len, rows)), 300_000 - 65_536)

    def test_the_child_of_a_child_too(self):
        table = ap.dataset({"a": [1, 2]})

        def child():
            in_child(self, lambda: table.to_dict() == {"a": [1, 2]})
            return table.to_dict() == {"a": [1, 2]}

        in_child(self, child)

    def test_a_fork_while_other_threads_work(self):
        stop = threading.Event()
        table = ap.dataset({"a": list(range(100_000))})

        def work():
            while not stop.is_set():
                table.derive(b="a + 1").collect()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for _ in range(20):
                in_child(self, lambda: table.count() == 100_000 and ap.dataset({"a": [1]}).derive(b="a").count() == 1)
        finally:
            stop.set()
            thread.join(TIMEOUT)

    def test_a_pool_of_processes_predicts_from_what_it_inherited(self):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            self.assertEqual(pool.map(_rows_below, [10, 20, 30]), [10, 20, 30])


_SHARED = ap.dataset({"a": list(range(1000))})


def _rows_below(n):
    return _SHARED.filter(f"a < {n}").count()


class Ends(FolderTest):
    """The interpreter's end: no crash, no complaint, no hang, whatever is still there."""

    def ends(self, script):
        done = python(script, self.folder)
        self.assertEqual((done.stdout, done.stderr), ("done\n", ""))

    def test_with_everything_alive(self):
        self.ends("""
import aipipe as ap
context = ap.Context()
tables = [ap.dataset({"a": [1]}), ap.dataset({"a": [1]}, context=context).derive(b="a")]
capsule = tables[0].__arrow_c_stream__()
rows = iter(tables[1])
next(rows)
loop = [tables]
loop.append(loop)
print("done")
""")

    def test_in_the_middle_of_an_iteration(self):
        self.ends("""
import aipipe as ap
for batch in ap.dataset({"a": list(range(1_000_000))}):
    break
print("done")
""")

    def test_while_daemon_threads_call(self):
        self.ends("""
import threading, time
import aipipe as ap
def endless():
    while True:
        yield {"a": [1] * 1000}
def work():
    try:
        ap.from_batches(endless, {"a": "int64"}).derive(b="a + 1").count()
    except ap.Error:
        pass
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print("done")
""")

    def test_by_an_exception(self):
        done = python(
            """
import aipipe as ap
table = ap.dataset({"a": [1]})
capsule = table.__arrow_c_stream__()
raise SystemExit("bye")
""",
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (1, "bye\n"))

    def test_with_objects_that_free_in_their_own_end(self):
        self.ends("""
import atexit, sys
import aipipe as ap
class Late:
    def __init__(self):
        self.table = ap.dataset({"a": [1]})
        self.capsule = self.table.__arrow_c_stream__()
    def __del__(self):
        self.table = self.capsule = None
sys.late = Late()
ap.late = Late()
atexit.register(lambda: Late())
print("done")
""")

    def test_in_a_forked_child_that_exits_by_itself(self):
        self.ends("""
import os, sys
import aipipe as ap
table = ap.dataset({"a": list(range(100_000))})
table.derive(b="a").collect()
pid = os.fork()
if pid == 0:
    assert table.count() == 100_000
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
print("done")
""")


if __name__ == "__main__":
    unittest.main()
