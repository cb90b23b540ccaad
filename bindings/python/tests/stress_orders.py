"""Random orders of create, use, fork and free over the whole package: whatever the order, nothing crashes and nothing hangs.

    python stress_orders.py [--orders 10000] [--seed 1] [--processes 2] [--only ORDER]

Each order is a short random program over contexts, datasets, batches, Arrow streams, pipelines, packages, scorers, DAGs and
runs, in which things are closed, dropped, collected, handed to threads and taken through forks at random; in the end all is
dropped in a random order. An error that the library reports is fine (a closed context was used); any other exception, a signal or
a hang is not.
A failure names the seed and the order, which run alone with --only.
"""

import argparse
import faulthandler
import gc
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

import aipipe as ap

ROWS = {
    "x": [float(i % 7) for i in range(40)],
    "s": [None if i % 5 == 0 else "ab"[i % 2] for i in range(40)],
    "y": [i % 7 > 3 for i in range(40)],
}
PIPELINE = [
    ap.Select(columns=["x", "s"]),
    ap.StandardScaler(columns=["x"]),
    ap.OneHotEncoder(columns=["s"], handle_unknown="ignore"),
]
HANG = 60  # seconds that an order may take


class Stream:
    """A table of another library: its capsule is made when somebody takes it."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class Order:
    """One random program."""

    def __init__(self, seed, number, folder):
        self.random = random.Random(f"{seed}:{number}")
        self.folder = folder
        self.heap = []
        self.forked = False
        self.done = {}
        self.refused = 0

    def some(self, *kinds):
        found = [thing for thing in self.heap if isinstance(thing, kinds)]
        return self.random.choice(found) if found else None

    def need(self, kind, make):
        return self.some(kind) if self.random.random() < 0.8 and self.some(kind) else make()

    # ---- create

    def context(self):
        return ap.Context(threads=self.random.choice([0, 1, 2]), log=False)

    def table(self):
        context = self.need(ap.Context, self.context)
        kind = self.random.randrange(4)
        if kind == 0:
            return ap.read_csv(os.path.join(self.folder, "t.csv"), context=context)
        if kind == 1:
            return ap.from_batches(lambda: iter([ROWS, ROWS]), {"x": "float64", "s": "utf8", "y": "bool"}, context=context)
        if kind == 2 and self.some(ap.Dataset):
            return ap.dataset(Stream(self.some(ap.Dataset)), context=context)
        return ap.dataset(ROWS, context=context)

    def view(self):
        table = self.need(ap.Dataset, self.table)
        return self.random.choice(
            [
                lambda t: t.derive(z="1 + 1"),
                lambda t: t.filter("x > 2"),
                lambda t: t.head(5),
                lambda t: t.collect(),
                lambda t: t.map_batches(lambda batch: batch, t.schema),
                lambda t: t.split(test_size=0.5)[0],
            ]
        )(table)

    def batch(self):
        table = self.need(ap.Dataset, self.table)
        return self.random.choice([iter, lambda t: next(iter(t), None), lambda t: t.__arrow_c_stream__(), lambda t: t.schema])(
            table
        )

    def pipeline(self):
        steps = [*PIPELINE, ap.LogisticRegression()] if self.random.random() < 0.7 else PIPELINE
        return ap.Pipeline(steps).fit(self.need(ap.Dataset, self.table), target="y")

    def package(self):
        if self.some(ap.Package) and self.random.random() < 0.4:
            one = self.some(ap.Package)
            return self.random.choice([lambda: pickle.loads(pickle.dumps(one)), lambda: one.with_metrics({"a": 1.0})])()
        return self.need(ap.Pipeline, self.pipeline).to_package()

    def scorer(self):
        return self.need(ap.Package, self.package).scorer()

    def dag(self):
        dag = ap.Dag("d", context=self.need(ap.Context, self.context))
        held = self.some(object)

        @dag.task
        def first(task, held=held):
            return ROWS if self.random.random() < 0.9 else 1 // 0

        dag.add("second", {"from": "first", "transform": [{"derive": {"z": "x + 1"}}]})
        dag.add("third", lambda task: (task.check(), task.dataset("second"))[1], needs="second")
        if self.random.random() < 0.3:
            dag.add("own", lambda task: dag and None)
        return dag

    def run(self):
        return self.need(ap.Dag, self.dag).start()

    # ---- use

    def use(self):
        thing = self.random.choice(self.heap) if self.heap else None
        if isinstance(thing, ap.Dataset):
            self.random.choice([ap.Dataset.count, ap.Dataset.to_dict, repr])(thing)
        elif isinstance(thing, ap.Batch):
            thing.to_dict()
        elif isinstance(thing, ap.Pipeline):
            return getattr(thing, "predict" if len(thing) == 4 else "transform")(self.need(ap.Dataset, self.table))
        elif isinstance(thing, ap.Package):
            return thing.transform(self.need(ap.Dataset, self.table))
        elif isinstance(thing, ap.Scorer):
            thing(1.0, "a")
        elif isinstance(thing, ap.Dag):
            repr(thing)
        elif isinstance(thing, ap.Run):
            self.wait(thing)
            return self.random.choice([lambda: thing.dataset("third"), lambda: thing.dataset("first"), thing.report])()
        return None

    def wait(self, run):
        chosen = self.random.randrange(4)
        if chosen == 0:
            run.cancel()
        elif chosen == 1:
            run.poll()
        try:
            run.wait(None if chosen < 2 else 0.001)
        except ZeroDivisionError:
            pass

    # ---- free

    def drop(self):
        for _ in range(self.random.randint(1, 3)):
            if self.heap:
                self.heap.pop(self.random.randrange(len(self.heap)))

    def cycle(self):
        loop = [self.random.choice(self.heap) if self.heap else None]
        loop.append(loop)

    def close(self):
        thing = self.some(ap.Context, ap.Dataset)
        if thing:
            thing.close()

    def collect(self):
        gc.collect(self.random.choice([0, 0, 1, 2]))

    # ---- threads and forks

    def thread(self):
        errors = []
        mine = Order.__new__(Order)
        mine.__dict__.update(self.__dict__, random=random.Random(self.random.random()), heap=list(self.heap), done={})

        def work():
            try:
                mine.steps(3, [(mine.use, 3), (mine.view, 1), (mine.package, 1), (mine.drop, 3), (mine.collect, 0.2)])
                mine.end()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(2):  # meanwhile
            if self.heap and self.random.random() < 0.5:
                self.heap.pop(self.random.randrange(len(self.heap)))
        thread.join()
        self.refused += mine.refused - self.refused
        if errors:
            raise errors[0]

    def fork(self):
        if self.forked:
            return
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(HANG // 2)
                self.forked = True
                weights = [(self.use, 4), (self.view, 2), (self.package, 1), (self.scorer, 1), (self.drop, 4), (self.collect, 1)]
                self.steps(4, [*weights, (self.table, 1), (self.run, 1), (self.cycle, 1)])
                if self.random.random() < 0.7:
                    self.end()
                status = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:
            raise AssertionError(f"a forked child ended with {status}")

    # ---- the order

    def steps(self, n, weighted):
        steps, weights = zip(*weighted)
        for step in self.random.choices(steps, weights, k=n):
            name = step.__name__
            try:
                made = step()
                self.done[name] = self.done.get(name, 0) + 1
            except (ap.Error, ValueError):  # ValueError: a column that a pipeline reads is not there
                self.refused += 1
                made = None
            if made is not None:
                self.heap.append(made)
            del made

    def end(self):
        self.random.shuffle(self.heap)
        while self.heap:
            self.heap.pop()
            if self.random.random() < 0.02:
                gc.collect(1)

    def go(self):
        create = [(self.context, 1), (self.table, 3), (self.view, 3), (self.batch, 2), (self.pipeline, 1), (self.package, 1.5)]
        create += [(self.scorer, 1), (self.dag, 1), (self.run, 2)]
        others = [(self.use, 6), (self.drop, 5), (self.cycle, 1), (self.close, 0.3), (self.collect, 0.3), (self.thread, 0.3)]
        self.steps(self.random.randint(4, 12), [*create, *others, (self.fork, 0.3)])
        self.end()


def part(seed, first, last, folder):
    """Runs orders of this process; notes the number of each before it begins."""
    note = os.open(os.path.join(folder, f"at-{first}"), os.O_CREAT | os.O_WRONLY)
    done, refused = {}, 0
    for number in range(first, last):
        os.pwrite(note, b"%10d" % number, 0)
        signal.alarm(HANG)
        order = Order(seed, number, folder)
        order.go()
        refused += order.refused
        for name, n in order.done.items():
            done[name] = done.get(name, 0) + n
    signal.alarm(0)
    print(*(f"{name}={n}" for name, n in sorted(done.items())), f"refused={refused}")


def main():
    """Shares the orders among processes, and names the one in which a process failed."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--orders", type=int, default=int(os.environ.get("AIPIPE_ORDERS", "10000")))
    arguments.add_argument("--seed", default=os.environ.get("AIPIPE_SEED", "1"))
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--only", type=int)
    arguments.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    faulthandler.enable()
    faulthandler.register(signal.SIGALRM, chain=True)  # of an order that hangs: where each thread is, and the end
    if given.part:
        part(given.seed, int(given.part[0]), int(given.part[1]), given.part[2])
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aipipe-orders-") as folder:
        with open(os.path.join(folder, "t.csv"), "w", encoding="utf-8") as out:
            out.write("x,s,y\n" + "".join(f"{x},{s or ''},{y}\n" for x, s, y in zip(*ROWS.values())))
        first, last = (0, given.orders) if given.only is None else (given.only, given.only + 1)
        bounds = sorted({first + (last - first) * i // given.processes for i in range(given.processes + 1)})
        parts = []
        for low, high in zip(bounds, bounds[1:]):
            command = [sys.executable, *(f"-X{name}" for name in sys._xoptions), __file__, "--seed", given.seed]
            parts.append(
                (low, subprocess.Popen([*command, "--part", str(low), str(high), folder], stdout=subprocess.PIPE, text=True))
            )
        totals, failed = {}, 0
        for low, process in parts:
            out = process.communicate()[0]
            if process.returncode != 0:
                failed += 1
                with open(os.path.join(folder, f"at-{low}"), "rb") as note:
                    at = int(note.read() or b"-1")
                how = signal.Signals(-process.returncode).name if process.returncode < 0 else f"exit status {process.returncode}"
                print(f"FAILED with {how}: order {at}: {os.path.basename(__file__)} --seed {given.seed} --only {at}")
            for word in out.split():
                name, n = word.split("=")
                totals[name] = totals.get(name, 0) + int(n)
    missing = {"context", "table", "batch", "pipeline", "package", "scorer", "dag", "run", "use", "thread", "fork"} - set(totals)
    if given.only is None and given.orders >= 1000 and missing and not failed:
        print(f"never done: {sorted(missing)}")
        failed += 1
    if not failed:
        print(
            f"{last - first} orders in {time.monotonic() - began:.1f} s:", *(f"{name} {n}" for name, n in sorted(totals.items()))
        )
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
