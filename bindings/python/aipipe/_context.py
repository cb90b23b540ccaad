"""Contexts: memory limit, threads and log of everything made from them; the default context; and calls that may take long."""

from __future__ import annotations

import atexit
import collections
import contextvars
import ctypes
import json
import logging
import math
import os
import re
import sys
import threading
import weakref
from typing import Any, Callable, NamedTuple, Optional, TypeVar, Union

from . import _ffi
from . import _prototypes as api
from ._ffi import held, lib

T = TypeVar("T")

logger = logging.getLogger("aipipe")
logger.addHandler(logging.NullHandler())

LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}


class Progress(NamedTuple):
    """How far a call has come: rows that came out, bytes of the source consumed, fraction from 0 to 1 (None: not known),
    phase."""

    rows: int
    bytes: int
    fraction: Optional[float]
    phase: str


ProgressOption = Union[None, bool, Callable[[Progress], object]]


# ---- log -----------------------------------------------------------------------------------------------------------------------
# The library logs from any thread and must not be called meanwhile. So a line is only put down there, and logged by the thread
# that called.


class _Sink:
    """Lines that wait to be logged."""

    def __init__(self, log: Optional[Callable[[int, Optional[str], str], object]]) -> None:
        self.lines: collections.deque[tuple[int, Optional[str], str]] = collections.deque()
        self.log = log

    def flush(self) -> None:
        while self.lines:
            try:
                level, task, message = self.lines.popleft()
            except IndexError:  # another thread was quicker
                return
            number = LEVELS.get(level, logging.INFO)
            if self.log:
                self.log(number, task, message)
            else:
                logger.log(number, "%s", f"{task}: {message}" if task else message, extra={"task": task})


_sinks: weakref.WeakValueDictionary[int, _Sink] = weakref.WeakValueDictionary()


@api.aip_log_fn
def _on_log(user: Optional[int], level: int, task: Optional[bytes], message: Optional[bytes]) -> None:
    with _ffi.inside(_ffi.NO_CALLS):
        sink = _sinks.get(user or 0)
        if sink is not None:
            sink.lines.append(
                (level, task.decode("utf-8", "replace") if task else None, (message or b"").decode("utf-8", "replace"))
            )


# ---- progress ------------------------------------------------------------------------------------------------------------------


class _Line:
    """What `progress=True` shows: one line on standard error that is written over."""

    def __init__(self) -> None:
        self.width = 0

    def __call__(self, progress: Progress) -> None:
        share = "" if progress.fraction is None else f" {100 * progress.fraction:3.0f} %"
        text = f"{progress.phase}{share} {progress.rows:,} rows"
        sys.stderr.write("\r" + text.ljust(self.width))
        sys.stderr.flush()
        self.width = len(text)

    def end(self) -> None:
        if self.width:
            sys.stderr.write("\n")
            sys.stderr.flush()


class _Reporter:
    """Takes reports from the library on whatever thread, and shows the latest on the thread that waits."""

    def __init__(self, show: Callable[[Progress], object], here: bool) -> None:
        self.show = show
        self.here = here  # no other thread waits: show at once
        self.latest: Optional[Progress] = None

    def take(self, progress: Progress) -> None:
        self.latest = progress
        if self.here:
            self.flush()

    def flush(self) -> None:
        latest, self.latest = self.latest, None
        if latest is not None:
            self.show(latest)


@api.aip_call_progress_fn
def _on_progress(user: Optional[int], progress: Any) -> int:
    try:
        with _ffi.inside():
            p = progress.contents
            fraction = None if p.fraction < 0 or math.isnan(p.fraction) else p.fraction
            _ffi.kept(user or 0).take(Progress(p.rows, p.bytes, fraction, (p.phase or b"").decode("utf-8", "replace")))
        return 0
    except BaseException as error:
        return _ffi.fail(None, error)


_tasks = threading.local()


def task_call(context: Optional[Context]) -> Any:
    """The `aip_call *` of the DAG's task in this context whose callable runs on this thread, which carries the run's
    cancellation; None when there is none."""
    found = getattr(_tasks, "call", None)
    return found[1] if found is not None and found[0] is context else None


class within_task:
    """`with within_task(context, call):` around the callable of a task."""

    def __init__(self, context: Context, call: Any) -> None:
        self.found = (context, call)

    def __enter__(self) -> None:
        self.before = getattr(_tasks, "call", None)
        _tasks.call = self.found

    def __exit__(self, *_: object) -> None:
        _tasks.call = self.before


# ---- the context ---------------------------------------------------------------------------------------------------------------

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def _bytes_of(limit: Union[int, str, None]) -> int:
    """512, "512", "1.5GB", "2 GiB" as a number of bytes; None is 0, the library's default."""
    if limit is None:
        return 0
    number = _number_of(limit)
    if not 0 < number < 2**63:
        raise ValueError(f"memory_limit is {limit!r}: expected a positive number of bytes, below 2**63")
    return number


def _number_of(limit: Union[int, str]) -> int:
    if isinstance(limit, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", limit.lower())
        if not match or match[2] not in _UNITS:
            raise ValueError(f"memory_limit is {limit!r}: expected bytes, such as 2000000000, '2GB' or '2GiB'")
        return int(float(match[1]) * _UNITS[match[2]])
    return int(limit)


def _timeout_ns(timeout: float) -> int:
    """Seconds as the library takes them; what is longer than it can count is as good as no end."""
    if not timeout >= 0:
        raise ValueError(f"timeout is {timeout}: expected seconds, 0 or more")
    return max(1, int(min(timeout, 9e9) * 1e9))


class Context:
    """What datasets, stages and models are made from and share: a memory limit, threads, a log. Contexts do not see each other.

    Most programs need none of their own: a default context is made at first use. ``with Context(...):`` makes it the one that is
    used inside the
    block on this thread, and closes it at the end.

    Args:
        threads: how many threads work, the calling one among them; None: one for each CPU; 0: no thread but the caller's.
        memory_limit: bytes of columns, states and buffers, as a number or such as ``"2GiB"``; None: three quarters of the
            machine's memory.
        log: True: to ``logging.getLogger("aipipe")``; a callable: called with (level, task or None, message), level as in
            :mod:`logging`; both
            on a thread that calls the library, not on the library's own. False: nothing is logged.
        executor: runs the library's work in place of its own threads: a ``concurrent.futures`` executor of threads.
    """

    def __init__(
        self,
        threads: Optional[int] = None,
        memory_limit: Union[int, str, None] = None,
        log: Union[bool, Callable[[int, Optional[str], str], object], None] = True,
        executor: Any = None,
    ) -> None:
        if threads is not None and not 0 <= threads <= 4096:
            raise ValueError(f"threads is {threads}: expected 0 to 4096, or None for one a CPU")
        options = api.aip_context_options()
        options.threads = 0 if threads is None else api.AIP_THREADS_NONE if threads == 0 else threads
        options.memory_limit = _bytes_of(memory_limit)
        self._executor: Any = None
        if executor is not None:
            from ._executor import executor_callbacks

            self._executor = executor_callbacks(executor)  # kept: the library calls it until the context is closed
            options.executor = ctypes.pointer(self._executor)
        self._closing = False
        self._sink = _Sink(log if callable(log) else None)
        if log:
            options.log = _on_log
            options.log_user = id(self._sink)
            _sinks[id(self._sink)] = self._sink
        self._handle = _ffi.ContextHandle()
        _ffi.call(lib.aip_context_create, ctypes.byref(options), ctypes.byref(self._handle))
        _contexts.add(self)

    def close(self) -> None:
        """Cancels what runs, waits for it, and stops the threads. What was made from the context can only be dropped
        afterwards."""
        self._closing = True  # for tasks in Python, which look
        lib.aip_context_close(self._handle)
        self._sink.flush()

    def __enter__(self) -> Context:
        _around.set((*_around.get(), (self, _current.get())))
        _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        around = list(_around.get())
        for i in reversed(range(len(around))):  # none, where the block was entered on another thread
            context, before = around[i]
            if context is self:
                del around[i]
                _around.set(tuple(around))
                _current.set(before)
                break
        self.close()

    def __repr__(self) -> str:
        return f"<aipipe.Context: {self.memory_used:,} bytes in use, at most {self.memory_peak:,}>"

    @property
    def memory_used(self) -> int:
        """Bytes held now by what obeys memory_limit."""
        return int(held.aip_context_memory_used(self._handle))

    @property
    def memory_peak(self) -> int:
        """The most bytes held at any time by what obeys memory_limit."""
        return int(held.aip_context_memory_peak(self._handle))

    @property
    def numeric_profile(self) -> str:
        """What results may depend on beside the input: kernel level and BLAS core."""
        return str(held.aip_numeric_profile(self._handle).decode())

    def catalog(self, name: Optional[str] = None) -> Any:
        """The catalogue: a list of descriptors (dicts with kind, name, doc, params, ...), or the one with this name.

        Raises:
            NotFoundError: there is no such name; the message has the nearest.
        """
        out = ctypes.c_char_p()
        _ffi.call(lib.aip_catalog_json, self._handle, None if name is None else _ffi.name(name, "the name"), ctypes.byref(out))
        return json.loads(_ffi.text_of(self._handle, out))

    def _token(self) -> Any:
        """A new `aip_cancel`, owned."""
        token = _ffi.CancelHandle()
        _ffi.call(lib.aip_cancel_create, self._handle, ctypes.byref(token))
        return token

    def _run(
        self,
        work: Callable[[Any], T],
        progress: ProgressOption = None,
        timeout: Optional[float] = None,
        cancel: Any = None,
    ) -> T:
        """Runs work(call), call being an `aip_call *` to hand to the library, so that Ctrl-C and signals are answered
        meanwhile. cancel: an `aip_cancel` that others may request."""
        if progress is None:
            progress = settings.progress
        here = _ffi.runs_here()
        task = task_call(self)
        if here and not progress and timeout is None and cancel is None:
            try:
                return work(task)
            finally:
                self._sink.flush()
        call = api.aip_call()
        if cancel is not None:
            call.cancel = cancel
        else:
            cancel = self._token()
            call.cancel = task.contents.cancel if task else cancel
        if timeout is not None:
            call.timeout_ns = _timeout_ns(timeout)
        if not progress:
            try:
                return _ffi.run(lambda: work(ctypes.byref(call)), lambda: lib.aip_cancel_request(cancel), self._sink.flush)
            finally:
                self._sink.flush()
        line = _Line() if progress is True else None
        reporter = _Reporter(line or progress, here)  # type: ignore[arg-type]
        key = _ffi.keep(reporter)
        call.progress = _on_progress
        call.user = key

        def tick() -> None:
            self._sink.flush()
            reporter.flush()

        try:
            result = _ffi.run(lambda: work(ctypes.byref(call)), lambda: lib.aip_cancel_request(cancel), tick)
            reporter.flush()
            return result
        finally:
            _ffi.release_kept(key)
            if line:
                line.end()
            self._sink.flush()


_contexts: weakref.WeakSet[Context] = weakref.WeakSet()


# ---- the default context -------------------------------------------------------------------------------------------------------


class _Settings:
    """What :func:`configure` sets."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.progress: ProgressOption = False


settings = _Settings()
_default: Optional[Context] = None
_lock = threading.Lock()
_current: contextvars.ContextVar[Optional[Context]] = contextvars.ContextVar("aipipe_context", default=None)
_around: contextvars.ContextVar[tuple[tuple[Context, Optional[Context]], ...]] = contextvars.ContextVar(
    "aipipe_around", default=()
)


def configure(*, progress: ProgressOption = None, **options: Any) -> None:
    """Settings of the default context, from now on: what was made before keeps the context that it was made from.

    Args:
        progress: default of the `progress` argument of calls that may take long.
        **options: `threads`, `memory_limit`, `log`, `executor` as in :class:`Context`. What is not given stays as it was set
            before.
    """
    global _default
    unknown = set(options) - {"threads", "memory_limit", "log", "executor"}
    if unknown:
        raise TypeError(
            f"configure: unknown setting {sorted(unknown)[0]!r}: expected threads, memory_limit, log, executor, progress"
        )
    if progress is not None:
        settings.progress = progress
    if options:
        merged = {**settings.options, **options}
        context = Context(**merged)  # wrong values are refused here, and nothing has changed then
        with _lock:
            settings.options = merged
            _default = context


def default_context() -> Context:
    """The context in use: that of the innermost ``with Context(...):`` around, else the default one, made at first use."""
    global _default
    current = _current.get()
    if current is not None:
        return current
    if _default is None:
        with _lock:
            if _default is None:
                _default = Context(**settings.options)
    return _default


def _forked() -> None:
    """In a child process the default context begins anew; the inherited one stays usable for what was made from it, without
    threads."""
    global _default, _lock
    _default = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _end() -> None:
    """Before the interpreter ends, no thread of the library may be left that would call it."""
    _ffi.begin_end()
    for context in list(_contexts):
        context.close()


atexit.register(_end)
