"""Every function of the library, called through its generated prototype: with nothing (NULL and 0) for every argument, in a
process of its own, so that a crash is a failed test and not the end of the tests. Calls that do real work are in the
other tests.
"""

from __future__ import annotations

import ctypes
import json
import os
import unittest
from typing import Any

from aipipe import _prototypes as api
from aipipe._ffi import lib

# What returns a status but has nothing that could be misused when every argument is NULL or 0.
NOT_MISUSE = {
    "aip_error_status": api.AIP_OK,  # of no error
    "aip_error_set": 0,  # hands back the status that it was given
}


def nothing(kind: Any) -> Any:
    """NULL or 0 as an argument of this type."""
    return 0 if kind in (ctypes.c_int32, ctypes.c_int64, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_size_t) else kind()


def call_with_nothing(name: str) -> tuple[int, Any]:
    """(exit code of the child process, what the function returned when that was a number)."""
    _, parameters = api.FUNCTIONS[name]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            error = api.aip_error()
            last = parameters[-1] if parameters else None
            takes_error = last == ctypes.POINTER(api.aip_error)
            arguments = [nothing(kind) for kind in parameters]
            if takes_error:
                arguments[-1] = ctypes.byref(error)
            result = getattr(lib, name)(*arguments)
            if takes_error and isinstance(result, int) and result != 0 and name != "aip_error_set":
                if lib.aip_error_status(error) != result or not lib.aip_error_message(error):
                    os._exit(3)
            os.write(write, json.dumps(result if isinstance(result, (int, float)) else None).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        said = stream.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), json.loads(said) if said else None


class Prototypes(unittest.TestCase):
    def test_every_function_refuses_nothing_without_a_crash(self) -> None:
        for name, (returns, parameters) in api.FUNCTIONS.items():
            with self.subTest(name):
                code, result = call_with_nothing(name)
                self.assertEqual(code, 0, "killed by a signal" if code < 0 else "the error does not fit the status")
                if parameters and parameters[-1] == ctypes.POINTER(api.aip_error) and returns is ctypes.c_int32:
                    self.assertEqual(result, NOT_MISUSE.get(name, api.AIP_E_MISUSE))

    def test_the_table_is_the_library(self) -> None:
        self.assertEqual(api.declare(lib), [])
        self.assertGreater(len(api.FUNCTIONS), 137)

    def test_one_kind_of_handle_is_not_taken_for_another(self) -> None:
        with self.assertRaises(ctypes.ArgumentError):
            lib.aip_dataset_free(api.aip_stage())
        with self.assertRaises(ctypes.ArgumentError):
            lib.aip_context_create(None, ctypes.byref(api.aip_stage()), None)

    def test_structs_know_their_size_and_the_defaults_of_c(self) -> None:
        for struct in api.STRUCTS:
            if issubclass(struct, api.SizedStructure):
                self.assertEqual(struct().struct_size, ctypes.sizeof(struct), struct.__name__)
                self.assertEqual(struct.struct_size.offset, 0)
        self.assertEqual((api.aip_field().nullable, api.aip_descriptor().version), (1, 1))
        self.assertEqual(api.aip_descriptor().param_stride, ctypes.sizeof(api.aip_param_spec))
        self.assertEqual(api.aip_field(nullable=0).nullable, 0)


if __name__ == "__main__":
    unittest.main()
