"""DAGs from Python: tasks of the catalogue and callables, results, failures, progress, cancelling, lifetimes."""

import gc
import io
import logging
import os
import signal
import threading
import time
import traceback
import unittest
import weakref

from support import FolderTest, ap, held_for_the_library, python

from aipipe import _ffi, _run

FLIGHTS = "k,late,x\n" + "".join(f"{i},{i % 2},{i * 0.5}\n" for i in range(100)) + "bad\n"

TRAIN = """
dag: late
doc: Which flights are late.
params:
  test_size: {default: 0.25, minimum: 0.1, maximum: 0.9}
tasks:
  flights: {read: {path: flights.csv, on_bad_row: reject}}
  table: {from: flights, transform: [{drop_missing: {}}], doc: only whole rows}
  names: {from: flights, transform: [{select: {columns: [k]}}]}
  halves: {from: table, split: {test_size: "${params.test_size}", random_state: 1}}
  model: {from: halves.train, train: {target: late, pipeline: [{select: {columns: [x]}}], model: logistic_regression}}
  score: {from: {package: model, data: halves.test}, evaluate: {metrics: [roc_auc, accuracy]}}
"""


class FromAFile(FolderTest):
    def setUp(self):
        super().setUp()
        self.write("flights.csv", FLIGHTS)
        self.file = self.write("late.yaml", TRAIN)

    def test_a_run_tells_state_rows_metrics_and_outputs_of_each_task(self):
        run = ap.Dag.load(self.file).run(params={"test_size": 0.2})
        self.assertEqual(run.state, "success")
        self.assertEqual(list(run), ["flights", "table", "names", "halves", "model", "score"])
        self.assertEqual(len(run), 6)
        rows = run["flights"].rows
        self.assertEqual((rows.rows_in, rows.rows_out, rows.rows_rejected, rows.rows_filtered), (101, 100, 1, 0))
        self.assertEqual(run["flights"].n_rows, 100)
        self.assertEqual(set(run["score"].metrics), {"roc_auc", "accuracy"})
        self.assertTrue(0 <= run["score"].metrics["accuracy"] <= 1)
        self.assertEqual(len(run.dataset("halves.test")), 20)
        self.assertEqual(run["table"].dataset.columns, ["k", "late", "x"])
        self.assertIsNone(run["score"].dataset)
        self.assertIsNone(run["score"].package)
        self.assertEqual(run["model"].package.target, "late")
        self.assertIsNone(run["score"].error)
        self.assertIsNone(run["score"].output)
        self.assertEqual(run["model"].state, "success")
        self.assertEqual(run["model"].operator, "train")
        self.assertGreaterEqual(run["model"].elapsed, 0)
        self.assertEqual(run.report()["params"], {"test_size": 0.2})

    def test_a_misspelt_task_is_a_key_error_that_names_the_nearest(self):
        run = ap.Dag.load(self.file).run()
        with self.assertRaisesRegex(KeyError, "did you mean 'flights'"):
            run["flight"]
        with self.assertRaises(ap.NotFoundError):
            run.dataset("halves.tset")

    def test_a_file_that_is_wrong_is_refused_with_its_place(self):
        path = self.write("wrong.yaml", TRAIN.replace("drop_missing", "drop_mising"))
        with self.assertRaises(ap.Error) as caught:
            ap.Dag.load(path)
        self.assertEqual(caught.exception.line, 8)
        self.assertIn("drop_missing", str(caught.exception))
        with self.assertRaises(ap.NotFoundError):
            ap.Dag.load(self.path("none.yaml"))
        with self.assertRaises(ap.ParamError):
            ap.Dag.load(self.file).run(params={"test_size": 5})
        with self.assertRaises(ap.ParamError):
            ap.Dag.load(self.file).check({"test_size": 5})
        ap.Dag.load(self.file).check({"test_size": 0.5})

    def test_text_is_parsed_with_a_base_folder(self):
        run = ap.Dag.parse(TRAIN, base_dir=self.folder).run(progress=False)
        self.assertEqual(run["table"].n_rows, 100)

    def test_it_is_described_and_drawn(self):
        dag = ap.Dag.load(self.file)
        self.assertEqual(dag.name, "late")
        self.assertEqual(dag.describe()["tasks"][5]["after"], ["halves", "model"])
        self.assertIn("score", dag)
        self.assertIn("table    transform  after flights        only whole rows", repr(dag))
        self.assertEqual(dag._repr_html_().count("<rect"), 6)
        self.assertEqual(dag._repr_html_().count("<path"), 6)
        run = dag.run()
        self.assertIn("late: success", repr(run))
        self.assertIn("100 rows", repr(run))
        self.assertIn("roc_auc", run._repr_html_())
        self.assertIn("model", repr(run["model"]))

    def test_callables_and_tasks_of_the_file_stand_in_one_dag(self):
        dag = ap.Dag.load(self.file)

        @dag.task(needs=["halves", "table"])
        def shares(task):
            return {"part": ["train", "test"], "n": [len(task.dataset("halves.train")), len(task.dataset("halves.test"))]}

        @dag.task(needs=["model", "halves"])
        def again(task):
            self.assertEqual(task.package("model").inputs.names, ["x"])
            with self.assertRaises(ap.NotFoundError):
                task.package("halves")
            return task.package("model")

        @dag.task(needs="halves.train")
        def own(task):
            return ap.Pipeline([ap.Select(columns=["x"]), ap.LogisticRegression()]).fit(
                task.dataset("halves.train"), target="late"
            )

        dag.add("scored", {"from": {"package": "again", "data": "halves.test"}, "evaluate": {"metrics": ["roc_auc"]}})
        dag.add("owned", {"from": {"package": "own", "data": "halves.test"}, "evaluate": {"metrics": ["roc_auc"]}})
        run = dag.run()
        self.assertEqual(run["scored"].metrics["roc_auc"], run["score"].metrics["roc_auc"])
        self.assertEqual(run["owned"].metrics["roc_auc"], run["score"].metrics["roc_auc"])
        self.assertEqual(run["shares"].dataset.to_dict(), {"part": ["train", "test"], "n": [75, 25]})


class Callables(unittest.TestCase):
    def test_what_a_callable_returns_or_sets_goes_to_the_tasks_after_it(self):
        for threads in (0, 1, 2, 4):
            with self.subTest(threads=threads), ap.Context(threads=threads) as context:
                dag = ap.Dag("sums")
                self.assertIs(dag.context, context)

                @dag.task
                def numbers(task):
                    task.set({"a": [10]}, output="more")
                    self.assertIs(ap.default_context(), task.context)
                    return {"a": [1, 2, 3]}

                dag.add("twice", {"from": "numbers", "transform": [{"derive": {"b": "a * 2"}}]})
                dag.add("more", {"from": "numbers.more", "transform": [{"derive": {"b": "a * 3"}}]})

                @dag.task(needs=("twice", "more"), name="sum")
                def total(task):
                    values = task.dataset("twice").to_dict()["b"] + task.dataset("more").to_dict()["b"]
                    self.assertEqual((task.name, task.dag.name, task.cancelled), ("sum", "sums", False))
                    return {"sum": [sum(values)]}

                run = dag.run()
                self.assertEqual(run["sum"].dataset.to_dict(), {"sum": [42]})
                self.assertEqual(run["numbers"].operator, "callback")
                self.assertEqual(run["numbers"].n_rows, 3)

    def test_a_callable_that_returns_nothing_makes_nothing(self):
        dag = ap.Dag("d").add("a", lambda task: None)
        self.assertIsNone(dag.run()["a"].dataset)

    def test_tasks_that_do_not_need_each_other_run_at_once(self):
        both = threading.Barrier(2, timeout=30)

        def meet(task):
            both.wait()

        with ap.Context(threads=2):
            dag = ap.Dag("d").add("a", meet).add("b", meet)
            self.assertEqual(dag.run().state, "success")

    def test_an_exception_comes_back_as_itself_and_stops_only_what_depends_on_it(self):
        class Mine(Exception):
            pass

        reason = Mine("no")

        def fails(task):
            raise reason

        dag = ap.Dag("d").add("a", fails).add("b", lambda t: None, needs="a").add("c", lambda t: {"x": [1]})
        try:
            dag.run()
        except Mine as error:
            self.assertIs(error, reason)
            self.assertIn("fails", [frame.name for frame in traceback.extract_tb(error.__traceback__)])
        else:
            self.fail("nothing was raised")
        run = dag.run(check=False)
        self.assertEqual([run[task].state for task in run], ["failed", "upstream_failed", "success"])
        self.assertIs(run["a"].error, reason)
        self.assertIsNone(run["c"].error)
        self.assertIn("no", repr(run))

    def test_an_error_of_the_library_in_a_callable_comes_back_as_itself(self):
        dag = ap.Dag("d").add("a", lambda task: ap.dataset({"x": [1]}).select(["y"]))
        with self.assertRaises(ap.SchemaError) as caught:
            dag.run()
        self.assertIn("y", str(caught.exception))

    def test_an_error_of_a_task_of_the_catalogue_names_the_task(self):
        dag = ap.Dag("d").add("a", lambda t: {"x": [1]}).add("b", {"from": "a", "transform": [{"select": {"columns": ["y"]}}]})
        with self.assertRaises(ap.SchemaError) as caught:
            dag.run()
        self.assertEqual(caught.exception.task, "b")
        run = dag.run(check=False)
        self.assertEqual(run["b"].error.task, "b")

    def test_a_task_reads_only_what_is_there(self):
        seen = []

        def look(task):
            seen.append(task)
            task.dataset("other")

        with self.assertRaisesRegex(ap.NotFoundError, "no dataset 'other'"):
            ap.Dag("d").add("a", look).run()
        with self.assertRaisesRegex(ap.StateError, "has ended"):
            seen[0].dataset("a")
        with self.assertRaisesRegex(ap.StateError, "has ended"):
            seen[0].cancelled  # noqa: B018

    def test_what_cannot_be_a_task_or_a_result_is_refused(self):
        dag = ap.Dag("d").add("first", lambda t: 5)
        with self.assertRaisesRegex(ap.NotFoundError, "did you mean 'first'"):
            dag.add("b", lambda t: None, needs="frist")
        self.assertEqual(dag.tasks, ["first"])
        with self.assertRaises(TypeError):
            dag.add("b", 3)
        with self.assertRaises(ap.ParamError):
            dag.add("b", {"from": "frist", "split": {}})
        with self.assertRaises(ap.Error):
            dag.add("first", lambda t: None)
        with self.assertRaisesRegex(TypeError, "expected a dict of columns"):
            dag.run()
        with self.assertRaises(ap.StateError):
            dag.add("late", lambda t: None)

    def test_results_of_another_context_are_taken_over(self):
        other = ap.Context(threads=0)
        dag = ap.Dag("d").add("a", lambda t: ap.dataset({"x": [1, 2]}, context=other))
        self.assertEqual(dag.run()["a"].dataset.to_dict(), {"x": [1, 2]})

    def test_lines_of_the_log_bear_the_task(self):
        lines = []
        with ap.Context(log=lambda *line: lines.append(line)):
            ap.Dag("d").add("a", lambda t: t.log("hello", logging.WARNING) or t.log("more")).run()
        self.assertEqual([line for line in lines if line[1] == "a"], [(30, "a", "hello"), (20, "a", "more")])

    def test_a_task_may_run_another_dag_but_not_wait_for_its_own(self):
        inner = ap.Dag("inner").add("x", lambda t: {"n": [7]})
        outer = ap.Dag("outer").add("y", lambda t: inner.run()["x"].dataset)
        self.assertEqual(outer.run()["y"].dataset.to_dict(), {"n": [7]})
        runs = []
        ready = threading.Event()

        def own(task):
            ready.wait(30)
            runs[0].wait()

        dag = ap.Dag("own").add("z", own)
        runs.append(dag.start())
        ready.set()
        with self.assertRaises(ap.MisuseError):
            runs[0].wait(60)


class Progress(unittest.TestCase):
    def test_a_callable_is_given_every_change_in_order_on_the_waiting_thread(self):
        events, threads = [], set()

        def take(event):
            events.append(event)
            threads.add(threading.get_ident())

        dag = ap.Dag("d").add("a", lambda t: {"x": [1]}).add("b", {"from": "a", "transform": [{"derive": {"y": "x + 1"}}]})
        dag.run(progress=take)
        changes = [(event.task, event.state) for event in events if event.phase is None]
        self.assertEqual(changes, [("a", "running"), ("a", "success"), ("b", "running"), ("b", "success")])
        self.assertEqual(threads, {threading.get_ident()})

    def test_a_callable_tells_how_far_it_is(self):
        go = threading.Event()

        def work(task):
            task.progress(0.5, rows=10)
            go.wait(60)

        def take(event):
            if event.fraction == 0.5 and event.rows == 10 and event.phase == "run":
                go.set()

        ap.Dag("d").add("a", work).run(progress=take)
        self.assertTrue(go.is_set())

    def test_an_exception_of_the_callable_cancels_the_run_and_comes_out(self):
        def refuse(event):
            raise LookupError("enough")

        def slow(task):
            while True:
                task.check()
                time.sleep(0.005)

        with self.assertRaisesRegex(LookupError, "enough"):
            ap.Dag("d").add("a", slow).run(progress=refuse)

    def test_lines_on_standard_error(self):
        out, before = io.StringIO(), _run.sys.stderr
        _run.sys.stderr = out
        try:
            dag = ap.Dag("d").add("first", lambda t: {"x": [1]}).add("b", lambda t: 1 // 0)
            dag.run(progress=True, check=False)
            dag.run(check=False)  # no terminal: nothing
        finally:
            _run.sys.stderr = before
        self.assertRegex(out.getvalue(), r"first  success  (1 row  )?0\.\d\d s\n")
        self.assertRegex(out.getvalue(), r"b      failed  0\.\d\d s  .*division")
        self.assertEqual(out.getvalue().count("success"), 1)


class Cancelling(unittest.TestCase):
    def endless(self, started=None):
        def loop(task):
            if started:
                started.set()
            while not task.cancelled:
                time.sleep(0.005)
            task.check()

        return ap.Dag("d").add("a", loop).add("b", lambda t: None, needs="a")

    def test_a_wait_can_end_early_and_the_run_goes_on(self):
        run = self.endless().start()
        with self.assertRaises(ap.Timeout):
            run.wait(0.05)
        self.assertEqual(run.poll(), "running")
        run.cancel()
        with self.assertRaises(ap.Cancelled):
            run.wait(60)
        self.assertEqual([run[task].state for task in run], ["cancelled", "cancelled"])
        self.assertEqual(run.state, "cancelled")

    def test_calls_of_the_library_in_a_callable_notice_by_themselves(self):
        started = threading.Event()

        for call in ({}, {"timeout": 60}, {"progress": lambda progress: None}):
            with self.subTest(**call):

                def loop(task, call=call):
                    table = ap.dataset({"x": list(range(1000))})
                    while True:
                        table.filter("x > 5").collect(**call)
                        started.set()

                started.clear()
                run = ap.Dag("d").add("a", loop).start()
                self.assertTrue(started.wait(60))
                run.cancel()
                with self.assertRaises(ap.Cancelled):
                    run.wait(60)
                self.assertEqual(run["a"].state, "cancelled")

    def test_a_run_that_is_dropped_is_cancelled_without_waiting(self):
        started = threading.Event()
        before = held_for_the_library()
        run = self.endless(started).start()
        self.assertTrue(started.wait(60))
        job = run._job
        began = time.monotonic()
        del run
        gc.collect()
        self.assertLess(time.monotonic() - began, 1)
        self.assertTrue(job.done.acquire(timeout=60))
        del job
        self.assertEqual(held_for_the_library(), before)

    def test_a_block_cancels_at_its_end(self):
        with self.endless().start() as run:
            pass
        self.assertEqual(run.state, "cancelled")

    def test_a_context_that_is_closed_ends_its_runs(self):
        started = threading.Event()
        with ap.Context(threads=1):
            run = self.endless(started).start()
            self.assertTrue(started.wait(60))
        with self.assertRaises(ap.Error):
            run.wait(60)

    @unittest.skipUnless(hasattr(signal, "pthread_kill"), "needs POSIX signals")
    def test_ctrl_c_cancels_within_100_ms_and_raises_keyboard_interrupt(self):
        for dag in (self.endless(), ap.Dag("d").add("s", {"command": ["sleep", "60"]})):
            sent = []

            def send(sent=sent):
                time.sleep(0.3)
                sent.append(time.monotonic())
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

            sender = threading.Thread(target=send)
            sender.start()
            with self.assertRaises(KeyboardInterrupt):
                dag.run()
            took = time.monotonic() - sent[0]
            sender.join()
            self.assertLess(took, 0.1 + float(os.environ.get("AIPIPE_SLACK", "0.4")))  # a busy machine's

    def test_a_second_ctrl_c_does_not_wait_for_a_callable_that_does_not_look(self):
        script = """
import signal, threading, time, aipipe as ap
stop = threading.Event()
dag = ap.Dag("d").add("deaf", lambda task: stop.wait(30) and None)
def send():
    for _ in range(2):
        time.sleep(0.3)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
threading.Thread(target=send).start()
began = time.monotonic()
try:
    dag.run()
except KeyboardInterrupt:
    print("out", time.monotonic() - began < 20)
stop.set()
"""
        self.assertEqual(python(script).stdout.split(), ["out", "True"])


class Lifetimes(unittest.TestCase):
    def test_a_run_outlives_its_dag_and_its_results_outlive_the_run(self):
        run = ap.Dag("d").add("a", lambda t: {"x": [1]}).start()
        gc.collect()
        run.wait(60)
        table = run["a"].dataset
        del run
        gc.collect()
        self.assertEqual(table.to_dict(), {"x": [1]})

    def test_a_callable_that_holds_its_dag_is_collected_with_it(self):
        before = held_for_the_library()
        dag = ap.Dag("d")
        dag.add("a", lambda t, holds=dag: holds and None)
        dag.run()
        gone = weakref.ref(dag)
        del dag
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual(held_for_the_library(), before)

    def test_nothing_is_kept_after_runs_that_fail(self):
        before = held_for_the_library()
        for _ in range(20):
            ap.Dag("d").add("a", lambda t: 1 // 0).run(check=False)
        gc.collect()
        _ffi._free_pending()  # what was collected inside a callable
        self.assertEqual(held_for_the_library(), before)

    def test_neither_is_pickled(self):
        import pickle

        dag = ap.Dag("d").add("a", lambda t: None)
        for thing in (dag, dag.run()):
            with self.assertRaises(TypeError):
                pickle.dumps(thing)

    def test_many_runs_of_one_dag_at_once(self):
        dag = ap.Dag("d").add("a", lambda t: {"x": [1]}).add("b", lambda t: t.dataset("a"), needs="a")
        runs = [dag.start() for _ in range(50)]
        for run in runs:
            self.assertEqual(run.wait(120)["b"].dataset.to_dict(), {"x": [1]})

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_in_a_forked_child_a_run_under_way_is_an_error_and_one_that_ended_keeps_its_results(self):
        script = """
import os, threading, aipipe as ap
go = threading.Event()
started = threading.Event()
ended = ap.Dag("e").add("a", lambda t: {"x": [1]}).run()
under_way = ap.Dag("u").add("a", lambda t: (started.set(), go.wait(60)) and None).start()
assert started.wait(60)
pid = os.fork()
if pid == 0:
    status = 1
    try:
        assert ended.wait(10)["a"].dataset.to_dict() == {"x": [1]}
        try:
            under_way.wait(10)
        except ap.ForkedError:
            own = ap.Dag("c").add("a", lambda t: {"x": [2]}).run()
            assert own["a"].dataset.to_dict() == {"x": [2]}
            del under_way, ended, own
            status = 0
    finally:
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
go.set()
under_way.wait(60)
print("fine")
"""
        self.assertEqual(python(script).stdout.strip(), "fine")

    def test_the_interpreter_ends_while_a_run_is_under_way(self):
        script = """
import time, aipipe as ap
def loop(task):
    while True:
        task.check()
        time.sleep(0.005)
run = ap.Dag("d").add("a", loop).start()
print("end")
"""
        self.assertEqual(python(script).stdout.strip(), "end")


if __name__ == "__main__":
    unittest.main()
