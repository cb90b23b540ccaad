#!/usr/bin/env python3
"""Scoring from Python: one row by one call, and a matrix of 2 million rows beside the same call from C.

    AIPIPE_LIBRARY=build/libaipipe.so.0 PYTHONPATH=bindings/python bench/python/scorer.py [ROWS]

Needs NumPy and a C compiler. Times are of the thread's CPU, the best of several: they hold on a busy machine too.
"""

import os
import subprocess
import sys
import tempfile
import time
import timeit

import numpy as np

import aipipe as ap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
REPEATS = 7


def best(statement, number, **names):
    """Nanoseconds of CPU of one execution, the quickest of several series."""
    series = timeit.repeat(statement, timer=time.thread_time, globals=names, number=number, repeat=REPEATS)
    return 1e9 * min(series) / number


def pipeline(k):
    """A fitted pipeline of k numbers."""
    rng = np.random.default_rng(k)
    X = rng.normal(size=(5000, k))
    y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(int)
    return ap.Pipeline([ap.StandardScaler(), ap.LogisticRegression()]).fit(X, y)


def rows():
    """One call for one row."""
    for k in (4, 10, 20):
        values = [0.25 * i for i in range(k)]
        call = best(f"score({', '.join(map(repr, values))})", 100_000, score=pipeline(k).scorer())
        print(f"one row, {k:2} numbers: {call:6.0f} ns a call")


def matrix(n, k=10):
    """One call for a whole matrix, from Python and from C."""
    fitted = pipeline(k)
    X = np.random.default_rng(1).normal(size=(n, k))
    score, out = fitted.scorer(), np.empty(n)
    with tempfile.TemporaryDirectory() as folder:
        package, data, program = (os.path.join(folder, name) for name in ("p.aip", "x.f64", "matrix"))
        fitted.save(package)
        X.tofile(data)
        source = os.path.join(ROOT, "bench", "python", "matrix.c")
        link = ["-I", os.path.join(ROOT, "include"), "-L", BUILD, f"-Wl,-rpath,{BUILD}", "-laipipe"]
        subprocess.run(["cc", "-O2", "-o", program, source, *link], check=True)
        ratios = []
        for _ in range(3):  # by turns, so that what else the machine does meets both
            done = subprocess.run(
                [program, package, data, str(n), str(k), str(REPEATS)], check=True, capture_output=True, text=True
            )
            seconds, last = map(float, done.stdout.split())
            own = best("score.run(X, out)", 1, score=score, X=X, out=out) * 1e-9
            assert last == out[-1], (last, out[-1])
            ratios.append(own / seconds)
            print(f"{n:,} rows of {k} numbers: C {seconds * 1e3:7.2f} ms, Python {own * 1e3:7.2f} ms, ratio {own / seconds:.3f}")
    print(f"median ratio {sorted(ratios)[1]:.3f}")


if __name__ == "__main__":
    rows()
    matrix(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000)
