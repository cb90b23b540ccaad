"""The one way into the shared library: finds and loads it, and carries every call, callback, error and handle across.

Calls go through :func:`call`, which raises what the library reports. A handle is a :class:`Handle`: the very object that the
library wrote its
out-parameter into, so that no interrupt can fall between a result and its owner. Calls that may take long go through :func:`run`,
which keeps the
main thread free for Ctrl-C. Nothing here knows what the functions do.
"""

from __future__ import annotations

import atexit
import collections
import ctypes
import itertools
import os
import re
import threading
from _thread import allocate_lock, get_ident
from typing import Any, Callable, Generic, Optional, TypeVar, Union, cast

from . import _prototypes as api
from ._errors import Error, make_error

T = TypeVar("T")

SONAME = "libaipipe.so.0"


# ---- the library ---------------------------------------------------------------------------------------------------------------


def _candidates() -> list[str]:
    """Where the library may lie, best first: AIPIPE_LIBRARY alone if it is set; beside the package; the build folder; the
    system."""
    chosen = os.environ.get("AIPIPE_LIBRARY")
    if chosen:
        return [chosen]
    here = os.path.dirname(os.path.abspath(__file__))
    beside = [os.path.join(here, SONAME), os.path.join(here, "libaipipe.dylib")]
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    if os.path.exists(os.path.join(root, "include", "aipipe", "base.h")):  # the source tree
        beside += [os.path.join(root, "build", SONAME), os.path.join(root, "build", "libaipipe.dylib")]
    return [path for path in beside if os.path.exists(path)][:1] or [SONAME]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def _load() -> tuple[ctypes.CDLL, ctypes.PyDLL]:
    """The library twice: `lib` releases the GIL for the call, `held` keeps it (for what neither waits, locks nor calls back)."""
    path = _candidates()[0]
    try:
        found = ctypes.CDLL(path, mode=ctypes.RTLD_LOCAL)
    except OSError as error:
        raise ImportError(f"the shared library of aipipe cannot be loaded: {error}. AIPIPE_LIBRARY may name it.") from error
    kept = ctypes.PyDLL(path, handle=found._handle)
    missing = api.declare(found)
    if missing:
        version = found.aip_version().decode() if "aip_version" not in missing else "unknown"
        raise ImportError(
            f"{path} is version {version} of the library, and this package needs {api.API_VERSION}: it has no {missing[0]}"
        )
    api.declare(kept)
    version = found.aip_version().decode()
    if _numbers(version) < _numbers(api.API_VERSION) or _numbers(version)[0] != _numbers(api.API_VERSION)[0]:
        raise ImportError(f"{path} is version {version} of the library: this package needs {api.API_VERSION}")
    return found, kept


lib, held = _load()
VERSION: str = held.aip_version().decode()


# ---- the end of the process, and forks -----------------------------------------------------------------------------------------


class _Process:
    """What is true of this process: whether its end has begun, and which thread is the main one."""

    ending = False
    main = threading.main_thread().ident


def begin_end() -> None:
    """The interpreter is about to end: no handle is freed and nothing waits for Python code from here on."""
    _Process.ending = True  # what is freed from here on would run beside the interpreter's end: the operating system frees it


atexit.register(begin_end)


def _forked() -> None:
    _Process.main = get_ident()
    _idle.clear()
    _pending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def ending() -> bool:
    """Whether the end of the interpreter has begun."""
    return _Process.ending


# ---- handles -------------------------------------------------------------------------------------------------------------------

_local = threading.local()
NO_CALLS = 1 << 20  # a callback that must not call the library at all, not even to free
_pending: collections.deque[tuple[Callable[[int], None], int]] = collections.deque()


class Owned:
    """Mixed into a handle type of _prototypes: the handle is freed with this object.

    Made empty, and filled through `byref` by the call that makes it.
    """

    __slots__ = ()
    _release: Callable[[int], None]
    _waits = False

    def __del__(self, process: type[_Process] = _Process) -> None:
        value: Optional[int] = self.value  # type: ignore[attr-defined]
        if value is None or process.ending:
            return
        self.value = None  # type: ignore[attr-defined,misc]
        within = getattr(_local, "inside", 0)  # a callback of the library, for which a free that waits might wait for ever
        if within and (self._waits or within >= NO_CALLS):
            _pending.append((self._release, value))
        else:
            self._release(value)

    def __reduce__(self) -> Any:
        raise TypeError("a handle of the library cannot be copied or pickled")


def owned(handle: type[api.Handle], free: str, waits: bool = False) -> Any:
    """A handle type whose objects are freed by the function `free`. waits: it may wait for work that is under way."""
    body = {
        "_release": staticmethod(getattr(lib, free)),
        "_waits": waits,
        "__slots__": (),
        "__doc__": f"`{handle.__name__} *`, owned.",
    }
    return type(handle.__name__.replace("aip_", "").capitalize() + "Handle", (Owned, handle), body)


ErrorHandle = owned(api.aip_error, "aip_error_free")
ContextHandle = owned(api.aip_context, "aip_context_free", waits=True)
CancelHandle = owned(api.aip_cancel, "aip_cancel_free")
SchemaHandle = owned(api.aip_schema, "aip_schema_free")
BatchHandle = owned(api.aip_batch, "aip_batch_free")
DatasetHandle = owned(api.aip_dataset, "aip_dataset_free")
StageHandle = owned(api.aip_stage, "aip_stage_free")
ModelHandle = owned(api.aip_model, "aip_model_free")
PackageHandle = owned(api.aip_package, "aip_package_free")
ScorerHandle = owned(api.aip_scorer, "aip_scorer_free")
DagHandle = owned(api.aip_dag, "aip_dag_free")
RunHandle = owned(api.aip_run, "aip_run_free", waits=True)


def _free_pending() -> None:
    """Frees what was given up inside a callback, as soon as no callback is under way on this thread."""
    while _pending and not getattr(_local, "inside", 0) and not _Process.ending:
        try:
            release, value = _pending.popleft()
        except IndexError:  # another thread was quicker
            return
        release(value)


# ---- calls and errors ----------------------------------------------------------------------------------------------------------

_raised: collections.OrderedDict[int, BaseException] = collections.OrderedDict()
_codes = itertools.cycle(range(1, 2**31 - 1))
_MAX_RAISED = 256


def _text(function: Any, error: Any) -> Optional[str]:
    value = function(error)
    return None if value is None else value.decode("utf-8", "replace")


def exception(status: int, error: Any) -> BaseException:
    """The exception for a failed call: what a Python callback raised, as it was raised, or an :class:`aipipe.Error`.

    error: an `aip_error *` (borrowed), or an empty handle.
    """
    if status > 0:
        own = _raised.pop(status, None)
        if own is not None:
            return own
    column = held.aip_error_column(error)
    return make_error(
        status,
        held.aip_status_name(status).decode(),
        _text(held.aip_error_message, error) or "",
        _text(held.aip_error_text, error) or "",
        source=_text(held.aip_error_source, error),
        line=held.aip_error_line(error) or None,
        column=column or None,
        offset=None if (offset := held.aip_error_offset(error)) < 0 else offset,
        task=_text(held.aip_error_task, error),
        stage=_text(held.aip_error_stage, error),
        parameter=_text(held.aip_error_parameter, error),
        data_column=_text(held.aip_error_data_column, error),
    )


def call(function: Any, *args: Any) -> None:
    """Calls a fallible function, whose last parameter (`aip_error **`) is added here. Raises what it reports."""
    error = ErrorHandle()
    status = function(*args, ctypes.byref(error))
    if status != 0:
        raise exception(status, error)


def fail(error: Any, reason: BaseException) -> int:
    """For a callback that caught an exception: keeps it for the call that it ends, fills `error` (`aip_error **`), returns the
    status."""
    code = next(_codes)
    _raised[code] = reason
    while len(_raised) > _MAX_RAISED:  # of calls that nobody waits for, such as an abandoned stream's
        _raised.popitem(last=False)
    try:
        text = str(reason)
    except BaseException as worse:  # out of here it would leave the callback without a status, which may read as success
        text = f"(its text failed with {type(worse).__name__})"
    lib.aip_error_set(
        error, code, (f"{type(reason).__name__}: {text}" if text else type(reason).__name__).encode("utf-8", "replace")
    )
    return code


class inside:
    """`with inside():` around the body of a callback: handles that are dropped in it and whose free may wait are freed later.

    weight: :data:`NO_CALLS` where the callback must not call the library: then no handle is freed in it.
    """

    __slots__ = ("weight",)

    def __init__(self, weight: int = 1) -> None:
        self.weight = weight

    def __enter__(self) -> None:
        _local.inside = getattr(_local, "inside", 0) + self.weight

    def __exit__(self, *_: object) -> None:
        _local.inside -= self.weight


def name(text: str, what: str) -> bytes:
    """A name as the library takes it: UTF-8, to the first NUL. what: what is named, for the error.

    Raises:
        ValueError: it holds a NUL, where the library would see it end, or half a surrogate pair.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} {text!r} cannot be UTF-8: it holds half a surrogate pair") from None
    if b"\0" in data:
        raise ValueError(f"{what} {text!r} holds a NUL character")
    return data


def path(given: Union[str, os.PathLike[str]]) -> bytes:
    """A path as the library takes it. Raises ValueError for a NUL, which would cut it to the path of another file."""
    data = os.fsencode(given)
    if b"\0" in data:
        raise ValueError(f"the path {os.fspath(given)!r} holds a NUL character")
    return data


def text_of(context: Any, out: ctypes.c_char_p, length: Optional[int] = None) -> bytes:
    """Takes over text that the library returned through an out-parameter: its bytes; the text is freed."""
    try:
        return out.value or b"" if length is None else ctypes.string_at(out, length)
    finally:
        lib.aip_text_free(context, out)


# ---- objects that the library holds --------------------------------------------------------------------------------------------

_kept: dict[int, Any] = {}
_keys = itertools.count(1)


def keep(value: Any) -> int:
    """Keeps a Python object for the library: the number to hand over as `user`, given back by :func:`forget` as `destroy`."""
    key = next(_keys)
    _kept[key] = value
    return key


def kept(user: int) -> Any:
    """The object behind a `user` pointer."""
    return _kept[user]


def _forget(user: Optional[int]) -> None:
    with inside():
        _kept.pop(user or 0, None)


destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)  # void (*)(void *user)
forget = destroy_fn(_forget)


def immortal(callback: Any) -> Any:
    """A callback whose code stays also when the interpreter takes its modules down: others may still call it then."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(callback))
    return callback


immortal(forget)


def release_kept(key: int) -> None:
    """Gives back what :func:`keep` kept, where the library does not do it."""
    _kept.pop(key, None)


# ---- calls that may take long --------------------------------------------------------------------------------------------------

TICK = 0.05  # seconds between looks at signals that reached another thread, at the log and at progress


class Job(Generic[T]):
    """One call on a helper thread: what to run, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.work: Optional[Callable[[], T]] = work
        self.result: Any = None
        self.error: Optional[BaseException] = None
        self.finished = False
        self.taken = allocate_lock()  # by the helper that runs it, or by the main thread that gives it up
        self.done = allocate_lock()
        self.done.acquire()

    def run(self) -> None:
        try:
            if self.taken.acquire(False):
                self.result = cast(Callable[[], T], self.work)()
        except BaseException as error:
            self.error = error
        finally:
            self.work = None


class _Helper(threading.Thread):
    """A thread that runs one job after the other. Only as many are made as there were calls at once on the main thread (nested
    ones)."""

    def __init__(self) -> None:
        super().__init__(name="aipipe-call", daemon=True)
        self.wake = allocate_lock()
        self.wake.acquire()
        self.job: Optional[Job[Any]] = None
        self.start()

    def run(self) -> None:
        while True:
            self.wake.acquire()
            job, self.job = self.job, None
            if job is None:
                continue
            job.run()
            _idle.append(self)
            done = job.done
            job.finished = True
            del job  # before the waiting thread goes on: what the call held has then been let go
            done.release()


_idle: collections.deque[_Helper] = collections.deque()


def give(job: Job[Any]) -> None:
    """Starts a job on a helper thread. Nobody is told of its end but who looks at it."""
    try:
        helper = _idle.pop()
    except IndexError:
        helper = _Helper()
    helper.job = job
    helper.wake.release()


def runs_here() -> bool:
    """Whether :func:`run` runs its work on the calling thread: not the main one, or already inside a callback."""
    return get_ident() != _Process.main or bool(getattr(_local, "inside", 0))


def run(work: Callable[[], T], cancel: Callable[[], None], tick: Optional[Callable[[], None]] = None) -> T:
    """Runs `work`, which calls the library, and answers signals meanwhile.

    On the main thread the work goes to a helper thread while this one waits, so that Python's signal handlers run within
    :data:`TICK`. An
    exception of such a handler (KeyboardInterrupt) or of `tick`, which is called every :data:`TICK` seconds here, calls `cancel`,
    waits until the
    work has returned, and goes on. On any other thread the work runs in place, and `tick` is not called.
    """
    if _pending:
        _free_pending()
    if runs_here():
        return work()
    job = Job(work)
    try:
        give(job)
        while not job.done.acquire(timeout=TICK):
            if tick:
                tick()
    except BaseException:
        if not job.taken.acquire(False):
            _wait_cancelled(job, cancel)
        raise
    if job.error is not None:
        try:
            if isinstance(job.error, Error):
                job.error.__traceback__ = None  # frames of this machinery say nothing; those of a callback's exception do
            raise job.error
        finally:
            del job  # or the traceback and the job would hold each other
    return cast(T, job.result)


def _wait_cancelled(job: Job[Any], cancel: Callable[[], None]) -> None:
    """Asks the work to end and waits until it has, whatever else is signalled meanwhile: it uses what the caller holds."""
    while True:
        try:
            cancel()
            while not job.finished:
                job.done.acquire(timeout=TICK)
            return
        except BaseException:  # a second Ctrl-C, while the first one is being answered
            continue
