"""A `concurrent.futures` executor of threads as the library's executor: the library hands it jobs, and whoever waits helps."""

from __future__ import annotations

import os
from typing import Any, Optional

from . import _ffi
from . import _prototypes as api
from ._ffi import lib


class _Executor:
    """What the callbacks work on."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.threads = int(getattr(pool, "_max_workers", 0) or os.cpu_count() or 1)

    def submit(self, job: int) -> int:
        try:
            future = self.pool.submit(lib.aip_job_run, api.aip_job(job))
        except RuntimeError:  # it was shut down: whoever waits does the work
            return int(api.AIP_E_AGAIN)
        future.add_done_callback(lambda done: lib.aip_job_drop(api.aip_job(job)) if done.cancelled() else None)
        return 0


@api.aip_executor_callbacks_submit_fn
def _on_submit(user: Optional[int], job: Any) -> int:
    try:
        with _ffi.inside():
            return int(_ffi.kept(user or 0).submit(job.value))
    except BaseException:  # such as no memory for a future: the job stays with the library, whose waiting thread runs it
        return int(api.AIP_E_AGAIN)


@api.aip_executor_callbacks_concurrency_fn
def _on_concurrency(user: Optional[int]) -> int:
    with _ffi.inside():
        return int(_ffi.kept(user or 0).threads) + 1  # the waiting thread counts


@api.aip_executor_callbacks_shutdown_fn
def _on_shutdown(user: Optional[int]) -> None:
    with _ffi.inside():
        _ffi.release_kept(user or 0)


for _callback in (_on_submit, _on_concurrency, _on_shutdown):
    _ffi.immortal(_callback)


def executor_callbacks(pool: Any) -> Any:
    """The callback table for a `concurrent.futures` executor of threads, or a ready `aip_executor_callbacks`.

    Raises:
        TypeError: the executor runs its calls in other processes, or it is none.
    """
    if isinstance(pool, api.aip_executor_callbacks):
        return pool
    if not callable(getattr(pool, "submit", None)):
        raise TypeError(f"executor is {type(pool).__name__}: expected an executor of concurrent.futures")
    if type(pool).__name__ == "ProcessPoolExecutor" or hasattr(pool, "_mp_context"):
        raise TypeError("executor runs in other processes, which do not see the library's memory: expected one of threads")
    callbacks = api.aip_executor_callbacks()
    callbacks.user = _ffi.keep(_Executor(pool))
    callbacks.submit = _on_submit
    callbacks.concurrency = _on_concurrency
    callbacks.shutdown = _on_shutdown
    return callbacks
