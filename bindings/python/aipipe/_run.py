"""Runs of a DAG: what became of each task, live progress, waiting and cancelling.

From its start a run is waited for by a thread of its own, which helps with the tasks and takes the library's events; the threads
of the program look at what that one has put down. So a wait can end early, a signal is answered, and a run that is dropped is
cancelled and freed without anybody waiting for it.
"""

from __future__ import annotations

import ctypes
import difflib
import html
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Union

from . import _draw, _ffi
from . import _prototypes as api
from ._dataset import Dataset, RowCounts
from ._errors import MisuseError, NotFoundError, make_error
from ._ffi import held, lib
from ._package import Package, Report

if TYPE_CHECKING:
    from ._dag import Dag

Params = Optional[Mapping[str, Any]]


class TaskEvent(NamedTuple):
    """A task changed its state (phase is None), or got on.

    rows and bytes: so far; fraction: from 0 to 1, None when not known; elapsed: seconds since the task started; error: of a task
    that failed.
    """

    task: str
    state: str
    phase: Optional[str]
    rows: int
    bytes: int
    fraction: Optional[float]
    elapsed: float
    error: Optional[BaseException]


RunProgress = Union[None, bool, Callable[[TaskEvent], object]]


# ---- what the waiting thread puts down -----------------------------------------------------------------------------------------


class _Watch:
    """Events that nobody has looked at yet, and what the tasks raised."""

    def __init__(self) -> None:
        self.changes: deque[TaskEvent] = deque()
        self.latest: dict[str, TaskEvent] = {}  # of each task that got on
        self.errors: dict[str, BaseException] = {}
        self.raised: dict[int, BaseException] = {}  # by the callables of tasks, with the statuses that stood for them
        self.outcome: Optional[BaseException] = None

    def take(self, event: Any) -> None:
        task = event.task.decode("utf-8", "replace")
        error = None
        if event.error.value:
            status = held.aip_error_status(event.error)
            error = self.errors[task] = _ffi.exception(status, event.error)
            if status > 0:
                self.raised[status] = error
                if hasattr(error, "add_note") and not hasattr(error, "status_name"):
                    error.add_note(f"in task {task!r} of a DAG")
        taken = TaskEvent(
            task,
            held.aip_task_state_name(event.state).decode(),
            event.phase.decode("utf-8", "replace") if event.phase else None,
            event.rows,
            event.bytes,
            None if event.fraction < 0 else event.fraction,
            event.elapsed_ns / 1e9,
            error,
        )
        if taken.phase is None:
            self.changes.append(taken)
        else:
            self.latest[task] = taken

    def ended(self, status: int, error: Any) -> None:
        if status == 0:
            return
        found = self.raised.get(status) or _ffi.exception(status, error)
        task = getattr(found, "task", None)
        self.outcome = self.errors.get(task, found) if isinstance(task, str) and status != api.AIP_E_CANCELLED else found

    def drain(self) -> Iterator[TaskEvent]:
        while self.changes:
            try:
                change = self.changes.popleft()
            except IndexError:  # another thread was quicker
                return
            if change.state != "running":
                self.latest.pop(change.task, None)
            yield change
        for task in list(self.latest):
            latest = self.latest.pop(task, None)
            if latest is not None:
                yield latest


@api.aip_task_event_fn
def _on_event(user: Optional[int], event: Any) -> None:
    with _ffi.inside():
        _ffi.kept(user or 0).take(event.contents)


_ffi.immortal(_on_event)


def _waits(dag: Dag, handle: Any, watch: _Watch) -> Callable[[], None]:
    """The work of the thread that waits. It holds what a run needs, and not the :class:`Run`."""
    key = _ffi.keep(watch)
    lib.aip_run_on_event(handle, _on_event, key)
    needed: list[Any] = [dag]

    def work() -> None:
        error = _ffi.ErrorHandle()
        try:
            watch.ended(lib.aip_run_wait(handle, ctypes.byref(error)), error)
        finally:
            _ffi.release_kept(key)
            needed.clear()

    return work


# ---- progress ------------------------------------------------------------------------------------------------------------------


def _rows(n: int) -> str:
    return f"{n:,} row{'s' * (n != 1)}"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


class _Live:
    """What `progress=True` shows on standard error: a line for each task that ended, and one written over for those that run."""

    def __init__(self, dag: Dag) -> None:
        self.width = max(map(len, dag.tasks), default=0)
        self.running: dict[str, TaskEvent] = {}
        self.written = 0

    def __call__(self, event: TaskEvent) -> None:
        if event.state == "running":
            self.running[event.task] = event
        else:
            self.running.pop(event.task, None)
            rows = f"  {_rows(event.rows)}" if event.rows > 0 else ""
            error = f"  {event.error}" if event.error is not None else ""
            self._over(f"{event.task:<{self.width}}  {event.state}{rows}  {_seconds(event.elapsed)}{error}\n")
        self._over(", ".join(map(self._one, self.running.values())))

    def _one(self, event: TaskEvent) -> str:
        share = "" if event.fraction is None else f" {100 * event.fraction:.0f} %"
        return f"{event.task}{share}" + (f" {_rows(event.rows)}" if event.rows > 0 else "")

    def _over(self, text: str) -> None:
        text = text if text.endswith("\n") else text[:100]
        cleared = "\r" + " " * self.written + "\r" if self.written else ""
        sys.stderr.write(cleared + text)
        sys.stderr.flush()
        self.written = 0 if text.endswith("\n") else len(text)

    def end(self) -> None:
        self._over("")


# ---- the run -------------------------------------------------------------------------------------------------------------------


class TaskRun:
    """What became of one task of a run, as it was when it was asked for: ``run["task"]``."""

    def __init__(self, run: Run, entry: Mapping[str, Any]) -> None:
        self._run = run
        self._entry = entry

    @property
    def name(self) -> str:
        """The task's name."""
        return str(self._entry["task"])

    @property
    def operator(self) -> str:
        """What it does: an operator's name, or ``"callback"``."""
        return str(self._entry["operator"])

    @property
    def state(self) -> str:
        """``"none"``, ``"queued"``, ``"running"``, ``"success"``, ``"failed"``, ``"timed_out"``, ``"cancelled"``,
        ``"upstream_failed"``."""
        return str(self._entry["state"])

    @property
    def rows(self) -> Optional[RowCounts]:
        """What became of the rows it read: in = out + rejected + filtered. None where the run did not count them, such as of a
        source with one reader (``run["task"].dataset.row_counts`` reads it once more)."""
        counts = self._entry.get("counts")
        return None if counts is None else RowCounts(**counts)

    @property
    def n_rows(self) -> Optional[int]:
        """Rows of what it made; None where nothing has counted them yet."""
        counts = self.rows
        return counts.rows_out if counts else self._entry.get("rows")

    @property
    def bytes(self) -> int:
        """Bytes of files that it read."""
        return int(self._entry.get("bytes", 0))

    @property
    def elapsed(self) -> Optional[float]:
        """Seconds that it took; None when it did not start."""
        return self._entry.get("elapsed")

    @property
    def metrics(self) -> Report:
        """The metrics of a task that trains or evaluates, by name; empty for others."""
        return Report(self._entry.get("metrics") or {})

    @property
    def output(self) -> Optional[str]:
        """The path that it wrote; None when it wrote none."""
        return self._entry.get("output")

    @property
    def dataset(self) -> Optional[Dataset]:
        """The dataset that it made; None when it made none (see :meth:`Run.dataset` for named ones)."""
        try:
            return self._run.dataset(self.name)
        except NotFoundError:
            return None

    @property
    def package(self) -> Optional[Package]:
        """The package that it made; None when it made none."""
        try:
            return self._run.package(self.name)
        except NotFoundError:
            return None

    @property
    def error(self) -> Optional[BaseException]:
        """Why it failed: what its callable raised, or an :class:`aipipe.Error`; None when it did not."""
        found = self._run._watch.errors.get(self.name)
        entry = self._entry.get("error")
        if found is None and entry is not None:  # the event with the exception has not come yet
            found = make_error(entry["code"], entry["status"], entry["message"], entry["message"], task=self.name)
        return found

    def __repr__(self) -> str:
        return f"<aipipe.TaskRun {self.name}: {'  '.join(filter(None, _cells(self._entry)[1:]))}>"


def _cells(entry: Mapping[str, Any]) -> list[str]:
    rows = entry.get("counts", {}).get("rows_out", entry.get("rows"))
    metrics = ", ".join(f"{name} {value:.6g}" for name, value in (entry.get("metrics") or {}).items() if isinstance(value, float))
    return [
        entry["task"],
        entry["state"],
        "" if rows is None else _rows(rows),
        _seconds(entry["elapsed"]) if "elapsed" in entry else "",
        entry["error"]["message"] if "error" in entry else metrics,
    ]


class Run:
    """One run of a DAG: ``run["task"]`` is what became of a task. It comes from :meth:`Dag.run` and :meth:`Dag.start`.

    A run that is dropped before its end is cancelled; ``with dag.start() as run:`` cancels at the end of the block, too.
    """

    def __init__(self, dag: Dag, handle: Any, show: Optional[Callable[[TaskEvent], object]]) -> None:
        """For this package: from an `aip_run *` to own."""
        self._dag = dag
        self._context = dag.context
        self._handle = handle
        self._show = show
        self._process = os.getpid()
        self._showing = threading.Lock()
        self._watch = _Watch()
        self._job: _ffi.Job[None] = _ffi.Job(_waits(dag, handle, self._watch))
        _ffi.give(self._job)

    def __del__(self, ending: Callable[[], bool] = _ffi.ending, cancel: Any = lib.aip_run_cancel, pid: Any = os.getpid) -> None:
        job = self.__dict__.get("_job")
        if job is not None and not job.finished and not ending() and self._process == pid():
            cancel(self._handle)

    def __reduce__(self) -> Any:
        raise TypeError("a Run cannot be copied or pickled: report() can")

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process == os.getpid():
            self.cancel()
            self._until_ended()

    # ---- waiting

    @property
    def state(self) -> str:
        """``"running"``, ``"success"``, ``"failed"`` or ``"cancelled"``."""
        return str(self.report()["state"])

    def poll(self) -> str:
        """Shows what is new, and returns :attr:`state` without waiting."""
        self._look()
        return self.state

    def wait(self, timeout: Optional[float] = None) -> Run:
        """Waits until the run has ended, and returns it.

        Ctrl-C, and an exception of the progress callable, cancel the run and come out of here when it has ended; a second Ctrl-C
        does not wait for that (a callable that does not look at its task's `cancelled` goes on meanwhile).

        Args:
            timeout: seconds; None: as long as it takes.

        Raises:
            BaseException: what a task's callable raised; the first failed task in the DAG's order counts.
            Error: of a task from the catalogue, with the task's name; Cancelled when the run was cancelled.
            Timeout: it has not ended by then, and goes on.
            MisuseError: in a task of the same DAG.
        """
        from ._dag import running_task

        if self._process != os.getpid():  # the thread that waits is in the parent
            _ffi.call(lib.aip_run_wait, self._handle)
            return self
        task = running_task()
        if task is not None and task.dag is self._dag:
            raise _misuse("a task cannot wait for a run of its own DAG")
        until = None if timeout is None else time.monotonic() + timeout
        try:
            while not self._job.finished:
                left = _ffi.TICK if until is None else min(_ffi.TICK, until - time.monotonic())
                if left <= 0:
                    break
                if self._job.done.acquire(timeout=left):
                    self._job.done.release()
                if task is not None:
                    task.check()
                self._look()
        except BaseException:
            self.cancel()
            self._until_ended()
            raise
        self._look()
        if not self._job.finished:
            raise make_error(api.AIP_E_TIMEOUT, "E_TIMEOUT", "the run has not ended yet", f"the run has not ended in {timeout} s")
        self._context._sink.flush()
        if self._job.error is not None:
            raise self._job.error
        if self._watch.outcome is not None:
            raise self._watch.outcome
        return self

    def cancel(self) -> None:
        """Asks the run to end: what runs ends at its next batch, what has not started does not start. Does not wait."""
        lib.aip_run_cancel(self._handle)

    def _until_ended(self) -> None:
        while not self._job.finished:
            if self._job.done.acquire(timeout=_ffi.TICK):
                self._job.done.release()
        self._context._sink.flush()

    def _look(self) -> None:
        """Shows events and writes the log, on the thread that asks."""
        self._context._sink.flush()
        if self._show is None:
            return
        if not self._showing.acquire(blocking=False):  # another thread is at it, or the callable itself asked
            return
        try:
            for event in self._watch.drain():
                self._show(event)
        finally:
            self._showing.release()

    # ---- results

    def report(self) -> dict[str, Any]:
        """State, parameters and tasks (state, rows, bytes, times, error, metrics), as a dict."""
        out = ctypes.c_char_p()
        _ffi.call(lib.aip_run_report, self._handle, ctypes.byref(out))
        return json.loads(_ffi.text_of(self._context._handle, out))

    def __getitem__(self, task: str) -> TaskRun:
        entries = {entry["task"]: entry for entry in self.report()["tasks"]}
        if task not in entries:
            near = difflib.get_close_matches(str(task), entries, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(entries)}"
            raise KeyError(f"no task {task!r}: {hint}")
        return TaskRun(self, entries[task])

    def __iter__(self) -> Iterator[str]:
        return iter(self._dag.tasks)

    def __len__(self) -> int:
        return len(self._dag.tasks)

    def dataset(self, name: str) -> Dataset:
        """The dataset that a task made: ``"task"``, or ``"task.output"`` such as ``"halves.train"``.

        Raises:
            NotFoundError, StateError: there is none, or not yet.
        """
        out = _ffi.DatasetHandle()
        _ffi.call(lib.aip_run_dataset, self._handle, _ffi.name(name, "the task"), ctypes.byref(out))
        return Dataset(out, self._context)

    def package(self, name: str) -> Package:
        """The package that a task made; raises as :meth:`dataset` does."""
        out = _ffi.PackageHandle()
        _ffi.call(lib.aip_run_package, self._handle, _ffi.name(name, "the task"), ctypes.byref(out))
        return Package(out, self._context)

    # ---- for people

    def __repr__(self) -> str:
        report = self.report()
        heading = f"{report['dag']}: {report['state']} after {_seconds(report['elapsed'])}"
        return _draw.text([_cells(entry) for entry in report["tasks"]], heading)

    def _repr_html_(self) -> str:
        report = self.report()
        states = {entry["task"]: entry["state"] for entry in report["tasks"]}
        rows = "".join(
            "<tr>" + "".join(f'<td style="text-align: left">{html.escape(cell)}</td>' for cell in _cells(entry)) + "</tr>"
            for entry in report["tasks"]
        )
        heading = html.escape(f"{report['dag']}: {report['state']} after {_seconds(report['elapsed'])}")
        return f"<p>{heading}</p>{_draw.svg(self._dag.describe()['tasks'], states)}<table>{rows}</table>"


def _misuse(text: str) -> MisuseError:
    error = make_error(api.AIP_E_MISUSE, "E_MISUSE", text, text)
    assert isinstance(error, MisuseError)
    return error


def shown(progress: RunProgress, dag: Dag) -> Optional[Callable[[TaskEvent], object]]:
    """What shows the events for a value of the `progress` argument; None: nothing does."""
    if callable(progress):
        return progress
    if progress is None:
        progress = not _ffi.runs_here() and sys.stderr is not None and sys.stderr.isatty()
    return _Live(dag) if progress else None


def start(dag: Dag, handle: Any, params: Params, show: Optional[Callable[[TaskEvent], object]]) -> Run:
    """aip_run_start."""
    from ._dataset import _json

    _ffi._free_pending()
    out = _ffi.RunHandle()
    _ffi.call(lib.aip_run_start, handle, _json({"params": dict(params or {})}), ctypes.byref(out))
    return Run(dag, out, show)
