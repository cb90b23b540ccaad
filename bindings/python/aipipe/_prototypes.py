"""The C API of libaipipe for ctypes: constants, handles, structs, callback types, prototypes.

Written by scripts/api from bindings/api/aipipe.json: not edited by hand.
"""
from __future__ import annotations

import ctypes
from typing import Any

API_VERSION = "0.3.0"

AIP_OK = 0
AIP_E_NOMEM = -1
AIP_E_MEMORY_LIMIT = -2
AIP_E_MISUSE = -3
AIP_E_STATE = -4
AIP_E_PARAM = -5
AIP_E_SYNTAX = -6
AIP_E_SCHEMA = -7
AIP_E_DATA = -8
AIP_E_IO = -9
AIP_E_NOT_FOUND = -10
AIP_E_CORRUPT = -11
AIP_E_CANCELLED = -12
AIP_E_TIMEOUT = -13
AIP_E_AGAIN = -14
AIP_E_UNSUPPORTED = -15
AIP_E_NUMERIC = -16
AIP_E_CHANGED = -17
AIP_E_TASK = -18
AIP_E_FORKED = -19
AIP_E_INTERNAL = -20
AIP_LOG_ERROR = 1
AIP_LOG_WARNING = 2
AIP_LOG_INFO = 3
AIP_LOG_DEBUG = 4
AIP_THREADS_NONE = -1
AIP_PARAM_BOOL = 1
AIP_PARAM_INT = 2
AIP_PARAM_FLOAT = 3
AIP_PARAM_STRING = 4
AIP_PARAM_CHOICE = 5
AIP_PARAM_STRINGS = 6
AIP_PARAM_COLUMNS = 7
AIP_PARAM_OBJECT = 8
AIP_PARAM_LIST = 9
AIP_PARAM_ANY = 10
AIP_PARAM_DURATION = 11
AIP_KIND_STAGE = 1
AIP_KIND_MODEL = 2
AIP_KIND_METRIC = 3
AIP_KIND_FORMAT = 4
AIP_KIND_CONNECTOR = 5
AIP_KIND_OPERATOR = 6
AIP_ROWS_SAME = 0
AIP_ROWS_FEWER = 1
AIP_ROWS_OTHER = 2
AIP_TASK_NONE = 0
AIP_TASK_READY = 1
AIP_TASK_QUEUED = 2
AIP_TASK_RUNNING = 3
AIP_TASK_SUCCESS = 4
AIP_TASK_CACHED = 5
AIP_TASK_SKIPPED = 6
AIP_TASK_FAILED = 7
AIP_TASK_TIMED_OUT = 8
AIP_TASK_CANCELLED = 9
AIP_TASK_LOST = 10
AIP_TASK_UPSTREAM_FAILED = 11
AIP_RUN_QUEUED = 0
AIP_RUN_RUNNING = 1
AIP_RUN_SUCCESS = 2
AIP_RUN_FAILED = 3
AIP_RUN_CANCELLED = 4
AIP_NEVER = 18446744073709551615
AIP_BOOL = 1
AIP_INT32 = 2
AIP_INT64 = 3
AIP_FLOAT32 = 4
AIP_FLOAT64 = 5
AIP_UTF8 = 6
AIP_BINARY = 7
AIP_DICTIONARY = 8
AIP_DATE32 = 9
AIP_TIMESTAMP = 10
AIP_DECIMAL64 = 11
AIP_BATCH_MAX_ROWS = 65536
ARROW_FLAG_DICTIONARY_ORDERED = 1
ARROW_FLAG_NULLABLE = 2
ARROW_FLAG_MAP_KEYS_SORTED = 4


class Handle(ctypes.c_void_p):
    """A pointer to an object of the library. False when NULL; `byref` of an empty one takes an out-parameter."""

    __slots__ = ()


class SizedStructure(ctypes.Structure):
    """A struct that starts with its own size. Fields that are not given have the defaults of the C initializer."""

    _defaults_: dict[str, Any] = {}

    def __init__(self, **fields: Any) -> None:
        super().__init__(struct_size=ctypes.sizeof(type(self)), **{**self._defaults_, **fields})


class aip_error(Handle):
    """what failed, and where"""

    __slots__ = ()


class aip_context(Handle):
    """everything is made from one; it holds the catalogue, the executor and the memory limit"""

    __slots__ = ()


class aip_dataset(Handle):
    """a table: aipipe/data.h; named here so that a parameter table can hold one"""

    __slots__ = ()


class aip_writer(Handle):
    """grows in memory; little-endian"""

    __slots__ = ()


class aip_reader(Handle):
    """bounded: reading past its end is an error, never a crash"""

    __slots__ = ()


class aip_params(Handle):
    """Validated parameters, as a descriptor's functions see them. Borrowed; every spec'd name is there, with its default if
    not given."""

    __slots__ = ()


class aip_pass(Handle):
    """A pass over what a connector reads, as its open and next see it."""

    __slots__ = ()


class aip_dag(Handle):
    """tasks and what each needs"""

    __slots__ = ()


class aip_run(Handle):
    """one run of a DAG"""

    __slots__ = ()


class aip_task_context(Handle):
    """what a running task sees"""

    __slots__ = ()


class aip_schema(Handle):
    """names and types of columns, in order; immutable"""

    __slots__ = ()


class aip_batch(Handle):
    """up to 65,536 rows, as columns; immutable"""

    __slots__ = ()


class aip_job(Handle):
    """A ticket for one piece of work. Give it back exactly once, by aip_job_run or aip_job_drop. If a waiting thread has done
    the work meanwhile, aip_job_run returns at once."""

    __slots__ = ()


class aip_cancel(Handle):
    """a wish to stop, shared by any number of calls"""

    __slots__ = ()


class aip_model(Handle):
    """parameters, and once fitted what was learned; immutable"""

    __slots__ = ()


class aip_package(Handle):
    """a fitted pipeline and model; immutable"""

    __slots__ = ()


class aip_scorer(Handle):
    """a package made ready for the rows of one thread"""

    __slots__ = ()


class aip_row_plan(Handle):
    """A pointer to `aip_row_plan`."""

    __slots__ = ()


class aip_stage(Handle):
    """parameters, and once fitted what was learned; immutable"""

    __slots__ = ()


class aip_allocator(SizedStructure):
    """One callback for all memory: grows, shrinks, allocates (ptr NULL, old_size 0) and frees (new_size 0, returns NULL).
    align is a power of two. Returns NULL when refused, and then ptr is untouched. Called from any thread."""


class aip_context_options(SizedStructure):
    """How a context is made."""


class aip_param_spec(SizedStructure):
    """An entry named '*' takes every key that no other entry names; its value is the list of [name, value] in the given order,
    empty when there is none, and each value must fit the entry."""


class aip_input(SizedStructure):
    """a handle given to a parameterised thing by name, such as a join's right table"""


class aip_descriptor(SizedStructure):
    """A thing of the catalogue: its name, parameters and functions."""


class aip_location(SizedStructure):
    """What a path names. Borrowed for the call."""


class aip_connector_ops(SizedStructure):
    """self what create made of parameters and location; one dataset or one write has it. Never changed by two calls at once
    but by open, next and close of different passes, which may run at the same time. cursor of one pass: its functions are
    called from any thread, one at a time. In a child that the process forks afterwards, self belongs to the parent: a pass
    is AIP_E_FORKED, and destroy is not called. A status that is not AIP_OK ends the call; a positive one is the connector's
    own and comes back unchanged."""


class aip_task_event(SizedStructure):
    """A task changed its state, or got on."""


class aip_field(SizedStructure):
    """A column: its name and type."""


class aip_column_view(SizedStructure):
    """One column as Arrow lays it out; pointers are borrowed from the batch. Bit i of a bitmap is bit i%8 of byte i/8; the
    first row is always bit 0."""


class ArrowSchema(ctypes.Structure):
    """`ArrowSchema` of aipipe/data.h."""


class ArrowArray(ctypes.Structure):
    """`ArrowArray` of aipipe/data.h."""


class ArrowArrayStream(ctypes.Structure):
    """`ArrowArrayStream` of aipipe/data.h."""


class aip_source_callbacks(SizedStructure):
    """A host callback as a dataset. open starts a pass (NULL: a once-dataset); next gives one batch, or NULL at the end; it is
    called from any thread, one call at a time."""


class aip_row_counts(SizedStructure):
    """of one pass: rows_in = rows_out + rows_rejected + rows_filtered"""


class aip_executor_callbacks(SizedStructure):
    """An executor of the host."""


class aip_progress(SizedStructure):
    """How far a call has come."""


class aip_call(SizedStructure):
    """How a long call is cancelled, watched and limited; zero in every field is the default."""


class aip_fold_ops(SizedStructure):
    """What a fit accumulates."""


class aip_row_text(ctypes.Structure):
    """a text of a row; bytes is NULL where it is null"""


class aip_stage_ops(SizedStructure):
    """`aip_stage_ops` of aipipe/stage.h."""


aip_log_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p, ctypes.c_char_p)
aip_task_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, aip_task_context, ctypes.POINTER(aip_error))
aip_task_event_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(aip_task_event))
aip_module_init_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, aip_context, ctypes.POINTER(aip_error))
ArrowArrayStream_get_last_error_fn = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(ArrowArrayStream))
ArrowArrayStream_get_next_fn = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(ArrowArray))
ArrowArrayStream_get_schema_fn = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(ArrowSchema))
ArrowArrayStream_release_fn = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArrayStream))
ArrowArray_release_fn = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArray))
ArrowSchema_release_fn = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowSchema))
aip_allocator_resize_fn = ctypes.CFUNCTYPE(
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t,
)
aip_call_progress_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(aip_progress))
aip_connector_ops_close_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
aip_connector_ops_create_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, aip_context, ctypes.c_void_p, aip_params, ctypes.POINTER(aip_location), ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(aip_error),
)
aip_connector_ops_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_connector_ops_next_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_pass, ctypes.POINTER(aip_batch), ctypes.POINTER(aip_error),
)
aip_connector_ops_open_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, aip_pass, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_error),
)
aip_connector_ops_schema_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(aip_schema), ctypes.POINTER(aip_error),
)
aip_connector_ops_write_abort_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
aip_connector_ops_write_batch_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_batch, ctypes.POINTER(aip_error),
)
aip_connector_ops_write_finish_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(aip_error))
aip_connector_ops_write_open_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, aip_schema, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_error),
)
aip_dag_add_callback_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_dataset_each_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, aip_batch, ctypes.POINTER(aip_error))
aip_descriptor_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_executor_callbacks_concurrency_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
aip_executor_callbacks_shutdown_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_executor_callbacks_submit_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, aip_job)
aip_executor_callbacks_wake_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_fold_ops_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
aip_fold_ops_dump_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_writer, ctypes.POINTER(aip_error))
aip_fold_ops_init_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_error),
)
aip_fold_ops_load_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, aip_reader, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_error),
)
aip_fold_ops_merge_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(aip_error),
)
aip_fold_ops_state_bytes_fn = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p)
aip_fold_ops_update_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_batch, ctypes.POINTER(aip_error))
aip_source_callbacks_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_source_callbacks_next_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(aip_batch), ctypes.POINTER(aip_error),
)
aip_source_callbacks_open_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(aip_error))
aip_stage_ops_apply_carry_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_batch, ctypes.POINTER(aip_batch), ctypes.POINTER(aip_error),
)
aip_stage_ops_apply_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, aip_batch, ctypes.POINTER(aip_batch), ctypes.POINTER(aip_error),
)
aip_stage_ops_bind_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_schema, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_schema),
    ctypes.POINTER(aip_error),
)
aip_stage_ops_carry_bytes_fn = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p)
aip_stage_ops_carry_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(aip_error),
)
aip_stage_ops_create_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, aip_context, ctypes.c_void_p, aip_params, ctypes.POINTER(aip_input), ctypes.c_int32,
    ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_error),
)
aip_stage_ops_describe_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_writer, ctypes.POINTER(aip_error),
)
aip_stage_ops_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_stage_ops_fitted_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_stage_ops_fold_create_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, aip_schema, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_error),
)
aip_stage_ops_fold_destroy_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
aip_stage_ops_fold_finish_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(aip_error),
)
aip_stage_ops_load_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, aip_reader, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(aip_error),
)
aip_stage_ops_row_plan_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, aip_row_plan, ctypes.POINTER(aip_error))
aip_stage_ops_save_fn = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, aip_writer, ctypes.POINTER(aip_error))
aip_stage_ops_summarise_fn = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, aip_batch, ctypes.c_void_p, ctypes.POINTER(aip_error),
)
aip_stage_ops_unbind_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

aip_allocator._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("user", ctypes.c_void_p),
    ("resize", aip_allocator_resize_fn),
]
aip_context_options._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("threads", ctypes.c_int32),
    ("allocator", ctypes.POINTER(aip_allocator)),
    ("executor", ctypes.POINTER(aip_executor_callbacks)),
    ("log", aip_log_fn),
    ("log_user", ctypes.c_void_p),
    ("memory_limit", ctypes.c_uint64),
]
aip_param_spec._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("type", ctypes.c_int32),
    ("name", ctypes.c_char_p),
    ("doc", ctypes.c_char_p),
    ("default_json", ctypes.c_char_p),
    ("choices", ctypes.c_char_p),
    ("minimum", ctypes.c_double),
    ("maximum", ctypes.c_double),
    ("nullable", ctypes.c_int32),
    ("open_interval", ctypes.c_int32),
]
aip_input._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("name", ctypes.c_char_p),
    ("dataset", aip_dataset),
]
aip_descriptor._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("kind", ctypes.c_int32),
    ("name", ctypes.c_char_p),
    ("doc", ctypes.c_char_p),
    ("params", ctypes.POINTER(aip_param_spec)),
    ("n_params", ctypes.c_int32),
    ("param_stride", ctypes.c_uint32),
    ("inputs", ctypes.c_char_p),
    ("ops", ctypes.c_void_p),
    ("rows", ctypes.c_int32),
    ("version", ctypes.c_int32),
    ("shorthand", ctypes.c_char_p),
    ("user", ctypes.c_void_p),
    ("destroy", aip_descriptor_destroy_fn),
]
aip_location._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("writing", ctypes.c_int32),
    ("path", ctypes.c_char_p),
    ("rest", ctypes.c_char_p),
    ("base_dir", ctypes.c_char_p),
]
aip_connector_ops._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("create", aip_connector_ops_create_fn),
    ("destroy", aip_connector_ops_destroy_fn),
    ("schema", aip_connector_ops_schema_fn),
    ("open", aip_connector_ops_open_fn),
    ("next", aip_connector_ops_next_fn),
    ("close", aip_connector_ops_close_fn),
    ("write_open", aip_connector_ops_write_open_fn),
    ("write_batch", aip_connector_ops_write_batch_fn),
    ("write_finish", aip_connector_ops_write_finish_fn),
    ("write_abort", aip_connector_ops_write_abort_fn),
]
aip_task_event._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("state", ctypes.c_int32),
    ("task", ctypes.c_char_p),
    ("phase", ctypes.c_char_p),
    ("rows", ctypes.c_int64),
    ("bytes", ctypes.c_int64),
    ("fraction", ctypes.c_double),
    ("elapsed_ns", ctypes.c_int64),
    ("error", aip_error),
]
aip_field._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("type", ctypes.c_int32),
    ("name", ctypes.c_char_p),
    ("zone", ctypes.c_char_p),
    ("scale", ctypes.c_int32),
    ("nullable", ctypes.c_int32),
]
aip_column_view._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("type", ctypes.c_int32),
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("validity", ctypes.c_void_p),
    ("values", ctypes.c_void_p),
    ("offsets", ctypes.c_void_p),
    ("dictionary_length", ctypes.c_int64),
    ("dictionary_offsets", ctypes.c_void_p),
    ("dictionary_bytes", ctypes.c_void_p),
]
ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowSchema))),
    ("dictionary", ctypes.POINTER(ArrowSchema)),
    ("release", ArrowSchema_release_fn),
    ("private_data", ctypes.c_void_p),
]
ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowArray))),
    ("dictionary", ctypes.POINTER(ArrowArray)),
    ("release", ArrowArray_release_fn),
    ("private_data", ctypes.c_void_p),
]
ArrowArrayStream._fields_ = [
    ("get_schema", ArrowArrayStream_get_schema_fn),
    ("get_next", ArrowArrayStream_get_next_fn),
    ("get_last_error", ArrowArrayStream_get_last_error_fn),
    ("release", ArrowArrayStream_release_fn),
    ("private_data", ctypes.c_void_p),
]
aip_source_callbacks._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("user", ctypes.c_void_p),
    ("open", aip_source_callbacks_open_fn),
    ("next", aip_source_callbacks_next_fn),
    ("destroy", aip_source_callbacks_destroy_fn),
]
aip_row_counts._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("rows_in", ctypes.c_int64),
    ("rows_out", ctypes.c_int64),
    ("rows_rejected", ctypes.c_int64),
    ("rows_filtered", ctypes.c_int64),
]
aip_executor_callbacks._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("user", ctypes.c_void_p),
    ("submit", aip_executor_callbacks_submit_fn),
    ("concurrency", aip_executor_callbacks_concurrency_fn),
    ("wake", aip_executor_callbacks_wake_fn),
    ("shutdown", aip_executor_callbacks_shutdown_fn),
]
aip_progress._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("rows", ctypes.c_int64),
    ("bytes", ctypes.c_int64),
    ("fraction", ctypes.c_double),
    ("phase", ctypes.c_char_p),
]
aip_call._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("cancel", aip_cancel),
    ("progress", aip_call_progress_fn),
    ("user", ctypes.c_void_p),
    ("timeout_ns", ctypes.c_int64),
]
aip_fold_ops._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("state_bytes", aip_fold_ops_state_bytes_fn),
    ("init", aip_fold_ops_init_fn),
    ("update", aip_fold_ops_update_fn),
    ("merge", aip_fold_ops_merge_fn),
    ("dump", aip_fold_ops_dump_fn),
    ("load", aip_fold_ops_load_fn),
    ("destroy", aip_fold_ops_destroy_fn),
]
aip_row_text._fields_ = [
    ("bytes", ctypes.c_char_p),
    ("n", ctypes.c_size_t),
]
aip_stage_ops._fields_ = [
    ("struct_size", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("create", aip_stage_ops_create_fn),
    ("destroy", aip_stage_ops_destroy_fn),
    ("fold", ctypes.POINTER(aip_fold_ops)),
    ("fold_create", aip_stage_ops_fold_create_fn),
    ("fold_destroy", aip_stage_ops_fold_destroy_fn),
    ("fold_finish", aip_stage_ops_fold_finish_fn),
    ("fitted_destroy", aip_stage_ops_fitted_destroy_fn),
    ("save", aip_stage_ops_save_fn),
    ("load", aip_stage_ops_load_fn),
    ("bind", aip_stage_ops_bind_fn),
    ("unbind", aip_stage_ops_unbind_fn),
    ("apply", aip_stage_ops_apply_fn),
    ("carry_bytes", aip_stage_ops_carry_bytes_fn),
    ("summarise", aip_stage_ops_summarise_fn),
    ("carry", aip_stage_ops_carry_fn),
    ("apply_carry", aip_stage_ops_apply_carry_fn),
    ("describe", aip_stage_ops_describe_fn),
    ("row_plan", aip_stage_ops_row_plan_fn),
]
aip_descriptor._defaults_ = {"param_stride": ctypes.sizeof(aip_param_spec), "version": 1}
aip_field._defaults_ = {"nullable": 1}

HANDLES: tuple[type[Handle], ...] = (
    aip_error,
    aip_context,
    aip_dataset,
    aip_writer,
    aip_reader,
    aip_params,
    aip_pass,
    aip_dag,
    aip_run,
    aip_task_context,
    aip_schema,
    aip_batch,
    aip_job,
    aip_cancel,
    aip_model,
    aip_package,
    aip_scorer,
    aip_row_plan,
    aip_stage,
)
STRUCTS: tuple[type[ctypes.Structure], ...] = (
    aip_allocator,
    aip_context_options,
    aip_param_spec,
    aip_input,
    aip_descriptor,
    aip_location,
    aip_connector_ops,
    aip_task_event,
    aip_field,
    aip_column_view,
    ArrowSchema,
    ArrowArray,
    ArrowArrayStream,
    aip_source_callbacks,
    aip_row_counts,
    aip_executor_callbacks,
    aip_progress,
    aip_call,
    aip_fold_ops,
    aip_row_text,
    aip_stage_ops,
)
# name: (what it returns, its parameters)
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "aip_status_name": (ctypes.c_char_p, (ctypes.c_int32,)),
    "aip_error_status": (ctypes.c_int32, (aip_error,)),
    "aip_error_message": (ctypes.c_char_p, (aip_error,)),
    "aip_error_source": (ctypes.c_char_p, (aip_error,)),
    "aip_error_line": (ctypes.c_int64, (aip_error,)),
    "aip_error_column": (ctypes.c_int64, (aip_error,)),
    "aip_error_offset": (ctypes.c_int64, (aip_error,)),
    "aip_error_task": (ctypes.c_char_p, (aip_error,)),
    "aip_error_stage": (ctypes.c_char_p, (aip_error,)),
    "aip_error_parameter": (ctypes.c_char_p, (aip_error,)),
    "aip_error_data_column": (ctypes.c_char_p, (aip_error,)),
    "aip_error_text": (ctypes.c_char_p, (aip_error,)),
    "aip_error_free": (None, (aip_error,)),
    "aip_error_set": (ctypes.c_int32, (ctypes.POINTER(aip_error), ctypes.c_int32, ctypes.c_char_p)),
    "aip_error_copy": (ctypes.c_int32, (ctypes.POINTER(aip_error), aip_error)),
    "aip_context_create": (
        ctypes.c_int32,
        (
            ctypes.POINTER(aip_context_options), ctypes.POINTER(aip_context), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_context_close": (None, (aip_context,)),
    "aip_context_free": (None, (aip_context,)),
    "aip_context_memory_used": (ctypes.c_uint64, (aip_context,)),
    "aip_context_memory_peak": (ctypes.c_uint64, (aip_context,)),
    "aip_version": (ctypes.c_char_p, ()),
    "aip_numeric_profile": (ctypes.c_char_p, (aip_context,)),
    "aip_writer_bytes": (ctypes.c_int32, (aip_writer, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(aip_error))),
    "aip_writer_i64": (ctypes.c_int32, (aip_writer, ctypes.c_int64, ctypes.POINTER(aip_error))),
    "aip_writer_f64": (ctypes.c_int32, (aip_writer, ctypes.c_double, ctypes.POINTER(aip_error))),
    "aip_writer_text": (ctypes.c_int32, (aip_writer, ctypes.c_char_p, ctypes.POINTER(aip_error))),
    "aip_reader_bytes": (ctypes.c_int32, (aip_reader, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(aip_error))),
    "aip_reader_i64": (ctypes.c_int32, (aip_reader, ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(aip_error))),
    "aip_reader_f64": (ctypes.c_int32, (aip_reader, ctypes.POINTER(ctypes.c_double), ctypes.POINTER(aip_error))),
    "aip_reader_text": (
        ctypes.c_int32,
        (
            aip_reader, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_reader_left": (ctypes.c_size_t, (aip_reader,)),
    "aip_params_is_null": (ctypes.c_int32, (aip_params, ctypes.c_char_p)),
    "aip_params_given": (ctypes.c_int32, (aip_params, ctypes.c_char_p)),
    "aip_params_bool": (ctypes.c_int32, (aip_params, ctypes.c_char_p)),
    "aip_params_int": (ctypes.c_int64, (aip_params, ctypes.c_char_p)),
    "aip_params_float": (ctypes.c_double, (aip_params, ctypes.c_char_p)),
    "aip_params_string": (ctypes.c_char_p, (aip_params, ctypes.c_char_p)),
    "aip_params_n_strings": (ctypes.c_int32, (aip_params, ctypes.c_char_p)),
    "aip_params_string_at": (ctypes.c_char_p, (aip_params, ctypes.c_char_p, ctypes.c_int32)),
    "aip_params_json": (ctypes.c_char_p, (aip_params, ctypes.c_char_p)),
    "aip_catalog_register": (ctypes.c_int32, (aip_context, ctypes.POINTER(aip_descriptor), ctypes.POINTER(aip_error))),
    "aip_catalog_json": (
        ctypes.c_int32,
        (
            aip_context, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_text_free": (None, (aip_context, ctypes.c_char_p)),
    "aip_pass_cancelled": (ctypes.c_int32, (aip_pass,)),
    "aip_pass_reject": (
        ctypes.c_int32,
        (
            aip_pass, ctypes.c_int64, ctypes.c_char_p, ctypes.c_int64, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t,
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dag_load": (ctypes.c_int32, (aip_context, ctypes.c_char_p, ctypes.POINTER(aip_dag), ctypes.POINTER(aip_error))),
    "aip_dag_parse": (
        ctypes.c_int32,
        (
            aip_context, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(aip_dag), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dag_create": (ctypes.c_int32, (aip_context, ctypes.c_char_p, ctypes.POINTER(aip_dag), ctypes.POINTER(aip_error))),
    "aip_dag_add": (ctypes.c_int32, (aip_dag, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(aip_error))),
    "aip_dag_add_callback": (
        ctypes.c_int32,
        (
            aip_dag, ctypes.c_char_p, aip_task_fn, ctypes.c_void_p, aip_dag_add_callback_destroy_fn, ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dag_add_dependency": (ctypes.c_int32, (aip_dag, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(aip_error))),
    "aip_dag_check": (ctypes.c_int32, (aip_dag, ctypes.c_char_p, ctypes.POINTER(aip_error))),
    "aip_dag_describe": (ctypes.c_int32, (aip_dag, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error))),
    "aip_dag_free": (None, (aip_dag,)),
    "aip_task_dataset": (aip_dataset, (aip_task_context, ctypes.c_char_p)),
    "aip_task_package": (aip_package, (aip_task_context, ctypes.c_char_p)),
    "aip_task_set_dataset": (ctypes.c_int32, (aip_task_context, ctypes.c_char_p, aip_dataset, ctypes.POINTER(aip_error))),
    "aip_task_set_package": (ctypes.c_int32, (aip_task_context, ctypes.c_char_p, aip_package, ctypes.POINTER(aip_error))),
    "aip_task_ctx": (aip_context, (aip_task_context,)),
    "aip_task_call": (ctypes.POINTER(aip_call), (aip_task_context,)),
    "aip_task_log": (None, (aip_task_context, ctypes.c_int32, ctypes.c_char_p)),
    "aip_task_state_name": (ctypes.c_char_p, (ctypes.c_int32,)),
    "aip_run_start": (ctypes.c_int32, (aip_dag, ctypes.c_char_p, ctypes.POINTER(aip_run), ctypes.POINTER(aip_error))),
    "aip_run_on_event": (None, (aip_run, aip_task_event_fn, ctypes.c_void_p)),
    "aip_run_wait": (ctypes.c_int32, (aip_run, ctypes.POINTER(aip_error))),
    "aip_run_poll": (ctypes.c_int32, (aip_run, ctypes.c_uint64, ctypes.c_uint64)),
    "aip_run_next_deadline": (ctypes.c_uint64, (aip_run,)),
    "aip_run_result": (ctypes.c_int32, (aip_run, ctypes.POINTER(aip_error))),
    "aip_run_cancel": (None, (aip_run,)),
    "aip_run_report": (ctypes.c_int32, (aip_run, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error))),
    "aip_run_dataset": (ctypes.c_int32, (aip_run, ctypes.c_char_p, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error))),
    "aip_run_package": (ctypes.c_int32, (aip_run, ctypes.c_char_p, ctypes.POINTER(aip_package), ctypes.POINTER(aip_error))),
    "aip_run_free": (None, (aip_run,)),
    "aip_type_name": (ctypes.c_char_p, (ctypes.c_int32,)),
    "aip_schema_create": (
        ctypes.c_int32,
        (
            aip_context, ctypes.POINTER(aip_field), ctypes.c_int32, ctypes.POINTER(aip_schema), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_schema_n_fields": (ctypes.c_int32, (aip_schema,)),
    "aip_schema_field": (ctypes.POINTER(aip_field), (aip_schema, ctypes.c_int32)),
    "aip_schema_find": (ctypes.c_int32, (aip_schema, ctypes.c_char_p)),
    "aip_schema_retain": (None, (aip_schema,)),
    "aip_schema_free": (None, (aip_schema,)),
    "aip_batch_n_rows": (ctypes.c_int64, (aip_batch,)),
    "aip_batch_schema": (aip_schema, (aip_batch,)),
    "aip_batch_column": (ctypes.c_int32, (aip_batch, ctypes.c_int32, ctypes.POINTER(aip_column_view), ctypes.POINTER(aip_error))),
    "aip_batch_retain": (None, (aip_batch,)),
    "aip_batch_free": (None, (aip_batch,)),
    "aip_batch_create": (
        ctypes.c_int32,
        (
            aip_schema, ctypes.POINTER(aip_column_view), ctypes.c_int32, ctypes.POINTER(aip_batch), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_batch_derive": (
        ctypes.c_int32,
        (
            aip_batch, aip_schema, ctypes.POINTER(aip_column_view), ctypes.c_int32, ctypes.POINTER(aip_batch),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_batch_to_arrow": (
        ctypes.c_int32,
        (
            aip_batch, ctypes.POINTER(ArrowSchema), ctypes.POINTER(ArrowArray), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_read": (ctypes.c_int32, (aip_context, ctypes.c_char_p, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error))),
    "aip_read_explain": (
        ctypes.c_int32,
        (
            aip_context, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_from_columns": (
        ctypes.c_int32,
        (
            aip_schema, ctypes.POINTER(aip_column_view), ctypes.c_int32, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_from_batches": (
        ctypes.c_int32,
        (
            aip_schema, ctypes.POINTER(aip_batch), ctypes.c_int64, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_from_callbacks": (
        ctypes.c_int32,
        (
            aip_schema, ctypes.POINTER(aip_source_callbacks), ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_from_arrow": (
        ctypes.c_int32,
        (
            aip_context, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_to_arrow": (ctypes.c_int32, (aip_dataset, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(aip_error))),
    "aip_dataset_transform": (ctypes.c_int32, (aip_dataset, aip_stage, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error))),
    "aip_dataset_schema": (aip_schema, (aip_dataset,)),
    "aip_dataset_each": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.POINTER(aip_call), aip_dataset_each_fn, ctypes.c_void_p, ctypes.POINTER(aip_row_counts),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_collect": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.POINTER(aip_call), ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_head": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.c_int64, ctypes.POINTER(aip_call), ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_count": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.POINTER(aip_call), ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_rejects": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.POINTER(aip_call), ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_write": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.c_char_p, ctypes.POINTER(aip_call), ctypes.POINTER(aip_row_counts), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_report": (ctypes.c_int32, (aip_dataset, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error))),
    "aip_dataset_split": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.c_char_p, ctypes.POINTER(aip_call), ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_dataset),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_dataset_retain": (None, (aip_dataset,)),
    "aip_dataset_free": (None, (aip_dataset,)),
    "aip_job_run": (None, (aip_job,)),
    "aip_job_drop": (None, (aip_job,)),
    "aip_cancel_create": (ctypes.c_int32, (aip_context, ctypes.POINTER(aip_cancel), ctypes.POINTER(aip_error))),
    "aip_cancel_request": (None, (aip_cancel,)),
    "aip_cancel_requested": (ctypes.c_int32, (aip_cancel,)),
    "aip_cancel_free": (None, (aip_cancel,)),
    "aip_dataset_evaluate": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(aip_call), ctypes.POINTER(ctypes.c_char_p),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_model_create": (
        ctypes.c_int32,
        (
            aip_context, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(aip_model), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_model_fit": (
        ctypes.c_int32,
        (
            aip_model, aip_dataset, ctypes.c_char_p, ctypes.POINTER(aip_call), ctypes.POINTER(aip_model),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_model_is_fitted": (ctypes.c_int32, (aip_model,)),
    "aip_model_predict": (ctypes.c_int32, (aip_model, aip_dataset, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error))),
    "aip_model_describe": (ctypes.c_int32, (aip_model, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error))),
    "aip_model_name": (ctypes.c_char_p, (aip_model,)),
    "aip_model_retain": (None, (aip_model,)),
    "aip_model_free": (None, (aip_model,)),
    "aip_module_load": (ctypes.c_int32, (aip_context, ctypes.c_char_p, ctypes.POINTER(aip_error))),
    "aip_package_fit": (
        ctypes.c_int32,
        (
            aip_context, aip_stage, aip_model, aip_dataset, ctypes.c_char_p, ctypes.POINTER(aip_call),
            ctypes.POINTER(aip_package), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_package_create": (
        ctypes.c_int32,
        (
            aip_context, aip_stage, aip_model, aip_schema, ctypes.c_char_p, ctypes.POINTER(aip_package),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_package_pipeline": (ctypes.c_int32, (aip_package, ctypes.POINTER(aip_stage), ctypes.POINTER(aip_error))),
    "aip_package_model": (ctypes.c_int32, (aip_package, ctypes.POINTER(aip_model), ctypes.POINTER(aip_error))),
    "aip_package_inputs": (aip_schema, (aip_package,)),
    "aip_package_evaluate": (
        ctypes.c_int32,
        (
            aip_package, aip_dataset, ctypes.c_char_p, ctypes.POINTER(aip_call), ctypes.POINTER(ctypes.c_char_p),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_package_with_metrics": (
        ctypes.c_int32,
        (
            aip_package, ctypes.c_char_p, ctypes.POINTER(aip_package), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_package_predict": (ctypes.c_int32, (aip_package, aip_dataset, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error))),
    "aip_package_transform": (ctypes.c_int32, (aip_package, aip_dataset, ctypes.POINTER(aip_dataset), ctypes.POINTER(aip_error))),
    "aip_package_save": (ctypes.c_int32, (aip_package, ctypes.c_char_p, ctypes.POINTER(aip_error))),
    "aip_package_load": (ctypes.c_int32, (aip_context, ctypes.c_char_p, ctypes.POINTER(aip_package), ctypes.POINTER(aip_error))),
    "aip_package_to_bytes": (
        ctypes.c_int32,
        (
            aip_package, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_package_from_bytes": (
        ctypes.c_int32,
        (
            aip_context, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(aip_package), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_package_describe": (ctypes.c_int32, (aip_package, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error))),
    "aip_package_retain": (None, (aip_package,)),
    "aip_package_free": (None, (aip_package,)),
    "aip_scorer_create": (ctypes.c_int32, (aip_package, ctypes.c_char_p, ctypes.POINTER(aip_scorer), ctypes.POINTER(aip_error))),
    "aip_scorer_bind": (
        ctypes.c_int32,
        (
            aip_scorer, ctypes.c_char_p, ctypes.c_int32, ctypes.c_size_t, ctypes.POINTER(aip_error),
        ),
    ),
    "aip_scorer_prepare": (ctypes.c_int32, (aip_scorer, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error))),
    "aip_scorer_run": (
        ctypes.c_int32,
        (
            aip_scorer, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64, ctypes.c_void_p, ctypes.POINTER(aip_error),
        ),
    ),
    "aip_scorer_free": (None, (aip_scorer,)),
    "aip_stage_create": (
        ctypes.c_int32,
        (
            aip_context, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(aip_input), ctypes.c_int32, ctypes.POINTER(aip_stage),
            ctypes.POINTER(aip_error),
        ),
    ),
    "aip_stage_pipeline": (
        ctypes.c_int32,
        (
            aip_context, ctypes.POINTER(aip_stage), ctypes.c_int32, ctypes.POINTER(aip_stage), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_stage_fit": (
        ctypes.c_int32,
        (
            aip_stage, aip_dataset, ctypes.POINTER(aip_call), ctypes.POINTER(aip_stage), ctypes.POINTER(aip_error),
        ),
    ),
    "aip_stage_is_fitted": (ctypes.c_int32, (aip_stage,)),
    "aip_stage_output_schema": (ctypes.c_int32, (aip_stage, aip_schema, ctypes.POINTER(aip_schema), ctypes.POINTER(aip_error))),
    "aip_stage_apply": (ctypes.c_int32, (aip_stage, aip_batch, ctypes.POINTER(aip_batch), ctypes.POINTER(aip_error))),
    "aip_stage_name": (ctypes.c_char_p, (aip_stage,)),
    "aip_stage_rows": (ctypes.c_int32, (aip_stage,)),
    "aip_stage_n_stages": (ctypes.c_int32, (aip_stage,)),
    "aip_stage_at": (aip_stage, (aip_stage, ctypes.c_int32)),
    "aip_stage_describe": (ctypes.c_int32, (aip_stage, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error))),
    "aip_stage_retain": (None, (aip_stage,)),
    "aip_stage_free": (None, (aip_stage,)),
    "aip_dataset_profile": (
        ctypes.c_int32,
        (
            aip_dataset, ctypes.c_char_p, ctypes.POINTER(aip_call), ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(aip_error),
        ),
    ),
}


def declare(library: ctypes.CDLL) -> list[str]:
    """Gives every function of the loaded library its prototype; returns the names that it does not have."""
    missing = []
    for name, (returns, parameters) in FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            missing.append(name)
            continue
        function.restype = returns
        function.argtypes = parameters
    return missing
