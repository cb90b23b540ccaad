"""DAGs: tasks of the catalogue and Python callables, run in parallel inside this process."""

from __future__ import annotations

import ctypes
import difflib
import json
import logging
import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, NoReturn, Optional, TypeVar, Union, overload

from . import _draw, _ffi
from . import _prototypes as api
from ._context import LEVELS, Context, _current, default_context, within_task
from ._dataset import Dataset, _json, dataset
from ._errors import Cancelled, make_error
from ._ffi import lib
from ._package import Package
from ._run import Params, Run, RunProgress, _Live, shown, start

_PHASE = b"run"  # the library keeps the pointer

Needs = Union[str, Sequence[str]]
TaskFunction = Callable[["Task"], Any]
F = TypeVar("F", bound=TaskFunction)

_local = threading.local()


def running_task() -> Optional[Task]:
    """The task whose callable runs on this thread now."""
    tasks = getattr(_local, "tasks", None)
    return tasks[-1] if tasks else None


def _raise(status: int, name: str, text: str) -> NoReturn:
    raise make_error(status, name, text, text)


class Task:
    """What a callable sees that runs as a task of a DAG: what the tasks before it made, and where its own results go.

    Only usable while the callable runs. Inside of it the DAG's context is the default one.
    """

    def __init__(self, dag: Dag, name: str, handle: Any) -> None:
        self._dag = dag
        self._name = name
        self._handle = handle

    @property
    def name(self) -> str:
        """The task's name."""
        return self._name

    @property
    def dag(self) -> Dag:
        """The DAG that it belongs to."""
        return self._dag

    @property
    def context(self) -> Context:
        """The DAG's context."""
        return self._dag.context

    def _open(self) -> Any:
        if self._handle is None:
            _raise(api.AIP_E_STATE, "E_STATE", f"task {self._name!r} has ended: it is usable only while its callable runs")
        return self._handle

    def dataset(self, name: str) -> Dataset:
        """The dataset that a task made which this one needs: ``"task"`` or ``"task.output"``.

        Raises:
            NotFoundError: it made none, or this task does not wait for it.
        """
        value = lib.aip_task_dataset(self._open(), _ffi.name(name, "the task")).value
        if value is None:
            self._nothing(name, "dataset")
        lib.aip_dataset_retain(api.aip_dataset(value))
        return Dataset(_ffi.DatasetHandle(value), self.context)

    def package(self, name: str) -> Package:
        """The package that a task made which this one needs; raises as :meth:`dataset` does."""
        value = lib.aip_task_package(self._open(), _ffi.name(name, "the task")).value
        if value is None:
            self._nothing(name, "package")
        lib.aip_package_retain(api.aip_package(value))
        return Package(_ffi.PackageHandle(value), self.context)

    def _nothing(self, name: str, kind: str) -> NoReturn:
        text = f"task {self._name!r}: no {kind} {name!r}: expected a task or task.output that made one and that this task needs"
        _raise(api.AIP_E_NOT_FOUND, "E_NOT_FOUND", text)

    def set(self, value: Any, output: Optional[str] = None) -> None:
        """Hands a result on. What the callable returns is handed on in the same way, as the task's main output.

        Args:
            value: a Dataset or whatever :func:`aipipe.dataset` takes; a Package, or a fitted pipeline or model.
            output: the output's name, which other tasks call ``"task.output"``; None: the main one, called ``"task"``.
        """
        handle = self._open()
        name = None if output is None else _ffi.name(output, "the output")
        if not isinstance(value, Dataset) and hasattr(value, "to_package"):
            value = value.to_package()
        if isinstance(value, Package):
            _ffi.call(lib.aip_task_set_package, handle, name, value._with(self.context)._handle)
        else:
            table = dataset(value, context=self.context)
            _ffi.call(lib.aip_task_set_dataset, handle, name, table._handle)

    def log(self, message: object, level: int = logging.INFO) -> None:
        """One line for the context's log, under the task's name. level: as in :mod:`logging`."""
        number = max((n for n, known in LEVELS.items() if known >= level), default=1)
        lib.aip_task_log(self._open(), number, str(message).encode("utf-8", "replace"))

    @property
    def cancelled(self) -> bool:
        """Whether the run is to end. Calls of the library inside the callable notice by themselves."""
        if self.context._closing:
            return True
        call = lib.aip_task_call(self._open()).contents
        return bool(lib.aip_cancel_requested(api.aip_cancel(call.cancel.value)))

    def progress(self, fraction: Optional[float] = None, rows: int = 0) -> None:
        """Reports how far it has come, to those who watch the run. fraction: from 0 to 1; None: not known."""
        call = lib.aip_task_call(self._open()).contents
        report = api.aip_progress()
        report.rows, report.fraction, report.phase = rows, -1.0 if fraction is None else fraction, _PHASE
        call.progress(call.user, ctypes.byref(report))

    def check(self) -> None:
        """Raises Cancelled when the run is to end: for the loops of a callable that takes long."""
        if self.cancelled:
            _raise(api.AIP_E_CANCELLED, "E_CANCELLED", "the run was cancelled")

    def __repr__(self) -> str:
        return f"<aipipe.Task {self._name} of {self._dag.name}>"


class _Callable:
    """What the library holds of a task in Python. It does not keep the DAG: who runs it does."""

    def __init__(self, dag: Dag, name: str) -> None:
        self.dag = weakref.ref(dag)
        self.name = name

    def run(self, handle: Any) -> None:
        dag = self.dag()
        if dag is None:
            _raise(api.AIP_E_STATE, "E_STATE", f"task {self.name!r}: its DAG is gone")
        task = Task(dag, self.name, handle)
        stack = _local.__dict__.setdefault("tasks", [])
        stack.append(task)
        before = _current.set(dag.context)
        try:
            task.progress()  # the thread that waits for the run may be this one: what was to be told is told before it is busy
            with within_task(dag.context, lib.aip_task_call(handle)):
                made = dag._functions[self.name](task)
                if made is not None:
                    task.set(made)
        except Cancelled:
            if task.cancelled:
                raise _Stopped from None
            raise
        finally:
            _current.reset(before)
            stack.pop()
            task._handle = None


class _Stopped(BaseException):
    """A callable ended because the run is to end."""


@api.aip_task_fn
def _on_task(user: Optional[int], task: Any, error: Any) -> int:
    try:
        with _ffi.inside():
            _ffi.kept(user or 0).run(task)
        return 0
    except _Stopped:
        lib.aip_error_set(error, api.AIP_E_CANCELLED, b"the run was cancelled")
        return int(api.AIP_E_CANCELLED)
    except BaseException as reason:
        return _ffi.fail(error, reason)


_ffi.immortal(_on_task)


class Dag:
    """Tasks in a directed acyclic graph, read from a file (:meth:`load`, :meth:`parse`) or filled by code.

    ::

        dag = ap.Dag("late")
        dag.add("flights", {"read": {"path": "flights.csv"}})

        @dag.task(needs="flights")
        def late(task):
            return task.dataset("flights").filter("arr_delay > 15")

        run = dag.run()
        print(run["late"].dataset.to_pandas())

    Args:
        name: the DAG's name.
        context: the context that it runs in; None: the default one.
    """

    def __init__(self, name: str, *, context: Optional[Context] = None) -> None:
        self._begin(context)
        _ffi.call(lib.aip_dag_create, self._context._handle, _ffi.name(name, "the DAG"), ctypes.byref(self._handle))

    def _begin(self, context: Optional[Context]) -> None:
        self._context = context or default_context()
        self._handle = _ffi.DagHandle()
        self._functions: dict[str, TaskFunction] = {}
        self._description: Optional[dict[str, Any]] = None

    @classmethod
    def load(cls, path: Union[str, os.PathLike[str]], *, context: Optional[Context] = None) -> Dag:
        """Reads a DAG file (YAML or JSON) and checks it wholly. Relative paths in it start at its folder.

        Raises:
            ParseError, ParamError, NotFoundError: with line and column.
        """
        dag = cls.__new__(cls)
        dag._begin(context)
        _ffi.call(lib.aip_dag_load, dag._context._handle, _ffi.path(path), ctypes.byref(dag._handle))
        return dag

    @classmethod
    def parse(cls, text: str, *, base_dir: Union[str, os.PathLike[str], None] = None, context: Optional[Context] = None) -> Dag:
        """The same from text. base_dir: where relative paths start; None: the working directory."""
        dag = cls.__new__(cls)
        dag._begin(context)
        folder = None if base_dir is None else _ffi.path(base_dir)
        data = _ffi.name(text, "the text of a DAG file")
        _ffi.call(lib.aip_dag_parse, dag._context._handle, data, folder, ctypes.byref(dag._handle))
        return dag

    def __reduce__(self) -> Any:
        raise TypeError("a Dag cannot be copied or pickled: its file can")

    # ---- filling it

    def add(self, task: str, what: Union[Mapping[str, Any], TaskFunction], *, needs: Needs = ()) -> Dag:
        """Adds a task; possible until the first run. Returns the DAG.

        Args:
            task: its name.
            what: a definition as in a DAG file, such as ``{"from": "table", "split": {"test_size": 0.2}}``; or a callable, which
                is called with a :class:`Task` on one of the context's threads, and whose result, a dataset (or what becomes one),
                a package or None, is handed on.
            needs: the tasks (or ``"task.output"``) that must have succeeded before.

        Raises:
            ParamError, NotFoundError, StateError
        """
        before = [needs] if isinstance(needs, str) else list(needs)
        if isinstance(what, Mapping):
            definition = dict(what)
            if before:
                own = definition.get("needs") or []
                definition["needs"] = [*([own] if isinstance(own, str) else own), *before]
            _ffi.call(lib.aip_dag_add, self._handle, _ffi.name(task, "the task"), _json(definition))
        elif callable(what):
            self._add_callable(task, what, list(dict.fromkeys(name.split(".")[0] for name in before)))
        else:
            raise TypeError(f"task {task!r} is {type(what).__name__}: expected a definition (a dict) or a callable")
        self._description = None
        return self

    def _add_callable(self, task: str, function: TaskFunction, before: list[str]) -> None:
        known = self.tasks
        for name in before:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                text = f"task {task!r} needs {name!r}, which is not in the DAG" + (f": did you mean {near[0]!r}?" if near else "")
                _raise(api.AIP_E_NOT_FOUND, "E_NOT_FOUND", text)
        named = _ffi.name(task, "the task")
        key = _ffi.keep(_Callable(self, task))
        try:
            _ffi.call(lib.aip_dag_add_callback, self._handle, named, _on_task, key, _FORGET)
        except BaseException:
            _ffi.release_kept(key)
            raise
        self._functions[task] = function
        for name in before:
            _ffi.call(lib.aip_dag_add_dependency, self._handle, _ffi.name(name, "the task"), named)

    @overload
    def task(self, function: F, /) -> F: ...

    @overload
    def task(self, function: None = None, /, *, needs: Needs = (), name: Optional[str] = None) -> Callable[[F], F]: ...

    def task(self, function: Any = None, /, *, needs: Needs = (), name: Optional[str] = None) -> Any:
        """Decorates a function that becomes a task: ``@dag.task`` or ``@dag.task(needs=[...])``. See :meth:`add`.

        Args:
            needs: the tasks that must have succeeded before.
            name: the task's; None: the function's.
        """

        def decorate(found: F) -> F:
            self.add(name or str(getattr(found, "__name__", type(found).__name__)), found, needs=needs)
            return found

        return decorate if function is None else decorate(function)

    # ---- looking at it

    @property
    def context(self) -> Context:
        """The context that it runs in."""
        return self._context

    @property
    def name(self) -> str:
        """The DAG's name."""
        return str(self._described()["dag"])

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, in the order of the file or of :meth:`add`."""
        return [task["task"] for task in self._described()["tasks"]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def __contains__(self, task: object) -> bool:
        return task in self.tasks

    def check(self, params: Params = None) -> None:
        """Checks the whole graph, with these parameters: names, cycles, and schemas as far as they are known without running.

        Raises:
            Error: with the task, and line and column where there is a file.
        """
        _ffi.call(lib.aip_dag_check, self._handle, _json(dict(params)) if params else None)

    def describe(self) -> dict[str, Any]:
        """Name, parameters, and tasks with what they wait for, as a dict."""
        return json.loads(json.dumps(self._described()))

    def _described(self) -> dict[str, Any]:
        found = self._description
        if found is None:
            out = ctypes.c_char_p()
            _ffi.call(lib.aip_dag_describe, self._handle, ctypes.byref(out))
            found = self._description = json.loads(_ffi.text_of(self._context._handle, out))
        return found

    def __repr__(self) -> str:
        found = self._described()
        rows = [
            [task["task"], task["operator"], f"after {', '.join(task['after'])}" if task["after"] else "", task.get("doc", "")]
            for task in found["tasks"]
        ]
        return _draw.text(rows, ": ".join(filter(None, (found["dag"], found.get("doc")))))

    def _repr_html_(self) -> str:
        return _draw.svg(self._described()["tasks"])

    # ---- running it

    def run(self, params: Params = None, *, progress: RunProgress = None, check: bool = True) -> Run:
        """Runs it and waits. Tasks run in parallel on the context's threads.

        Ctrl-C cancels the run and raises KeyboardInterrupt when it has ended.

        Args:
            params: values for the DAG's parameters.
            progress: a callable, which is called with each :class:`TaskEvent` on this thread; True: a line for each task on
                standard error; None: the same where that is a terminal; False: nothing.
            check: raise what made the run fail; False: the returned run tells.

        Raises:
            BaseException: see :meth:`Run.wait`.
        """
        show = shown(progress, self)
        run = self._start(params, show)
        try:
            run.wait()
        except BaseException as error:
            if check or run.state != "failed" or error is not run._watch.outcome:
                raise
        finally:
            if isinstance(show, _Live):
                show.end()
        return run

    def start(self, params: Params = None, *, progress: RunProgress = False) -> Run:
        """Starts a run and returns at once; :meth:`Run.wait` and :meth:`Run.poll` show its progress. See :meth:`run`."""
        return self._start(params, shown(progress, self))

    def _start(self, params: Params, show: Any) -> Run:
        return start(self, self._handle, params, show)


_FORGET = api.aip_dag_add_callback_destroy_fn(_ffi._forget)
_ffi.immortal(_FORGET)
