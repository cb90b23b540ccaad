"""Each gate of the ABI can fail: it passes on the tree as it is, and refuses one deliberate break at a time.

AIPIPE_SOURCE is the tree, AIPIPE_LIBRARY the built shared library, AIPIPE_CONSUMERS the programs of earlier releases (one
path each).
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ["AIPIPE_SOURCE"]
LIBRARY = os.environ["AIPIPE_LIBRARY"]
ABI = os.path.join(SOURCE, "tests", "abi")
BASELINES = os.path.join(ABI, "baseline")
CHECKED = ("bindings", "docs", "include", "lib/library", "scripts", "tests/abi", "meson.build")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)


def said(done):
    return done.stdout + done.stderr


class Gate(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="aipipe-abi-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path

    def compiled(self, source, name, *options):
        path = os.path.join(self.folder, name)
        done = run("gcc", "-g", "-shared", "-fPIC", "-o", path, source, *options)
        self.assertEqual(done.returncode, 0, said(done))
        return path


class Description(Gate):
    """scripts/api on a copy of the tree, whose headers are then changed."""

    def setUp(self):
        super().setUp()
        for path in CHECKED:
            source, copy = os.path.join(SOURCE, path), os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            if os.path.isdir(source):
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("baseline", "__pycache__"))
            else:
                shutil.copy(source, copy)
        self.edit("meson.build", r"^  version: '[\d.]+'", "  version: '9.0.0'")  # all that there is was released
        self.assertEqual(self.api("write").returncode, 0)

    def api(self, command):
        return run("python3", os.path.join(self.folder, "scripts", "api"), command)

    def edit(self, name, pattern, to):
        path = os.path.join(self.folder, name)
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        text, n = re.subn(pattern, to, text, count=1, flags=re.M)
        self.assertEqual(n, 1, pattern)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def entries(self):
        with open(os.path.join(self.folder, "bindings", "api", "aipipe.json"), encoding="utf-8") as stream:
            return {entry["name"]: entry for entry in json.load(stream)["declarations"]}

    def refused(self, word):
        """The gate sees the change, and `add` does not take it."""
        for command in ("check", "add"):
            done = self.api(command)
            self.assertEqual(done.returncode, 1, said(done))
            self.assertIn(word, said(done))

    def layouts_compile(self):
        return (
            run(
                "gcc",
                "-std=gnu11",
                "-fsyntax-only",
                "-I",
                os.path.join(self.folder, "include"),
                os.path.join(self.folder, "tests", "abi", "layouts.c"),
            ).returncode
            == 0
        )

    def test_a_tree_that_agrees_passes(self):
        done = self.api("check")
        self.assertEqual(done.returncode, 0, said(done))
        self.assertTrue(self.layouts_compile())

    def test_a_removed_function_is_refused(self):
        self.edit("include/aipipe/data.h", r"^AIP_API void aip_batch_retain\(.*$", "")
        self.refused("aip_batch_retain")

    def test_a_changed_parameter_is_refused(self):
        self.edit(
            "include/aipipe/data.h",
            r"aip_schema_find\(const aip_schema \*schema, const char",
            "aip_schema_find(const aip_schema *schema, char",
        )
        self.refused("aip_schema_find")
        self.assertFalse(self.layouts_compile())

    def test_a_changed_result_is_refused(self):
        self.edit("include/aipipe/base.h", r"AIP_API int64_t aip_error_line", "AIP_API int32_t aip_error_line")
        self.refused("aip_error_line")
        self.assertFalse(self.layouts_compile())

    def test_a_changed_constant_is_refused(self):
        self.edit("include/aipipe/base.h", r"AIP_E_CORRUPT \(\(int32_t\)-11\)", "AIP_E_CORRUPT ((int32_t)-111)")
        self.refused("AIP_E_CORRUPT")
        self.assertFalse(self.layouts_compile())

    def test_a_constant_of_another_type_is_refused(self):
        self.edit("include/aipipe/base.h", r"AIP_E_CORRUPT \(\(int32_t\)-11\)", "AIP_E_CORRUPT ((int64_t)-11)")
        self.refused("AIP_E_CORRUPT")
        self.assertFalse(self.layouts_compile())

    def test_a_field_in_the_middle_is_refused(self):
        self.edit("include/aipipe/data.h", r"^    int32_t scale; ", "    int64_t between;\n    int32_t scale; ")
        self.refused("aip_field")
        self.assertFalse(self.layouts_compile())

    def test_a_field_of_another_type_is_refused(self):
        self.edit("include/aipipe/exec.h", r"^    int64_t timeout_ns;", "    uint64_t timeout_ns;")
        self.refused("aip_call")

    def test_fields_in_another_order_are_refused(self):
        self.edit(
            "include/aipipe/data.h",
            r"^    int64_t length;\n    int64_t null_count;",
            "    int64_t null_count;\n    int64_t length;",
        )
        self.refused("aip_column_view")
        self.assertFalse(self.layouts_compile())

    def test_a_field_at_the_end_is_taken_and_the_old_ones_stay(self):
        self.edit("include/aipipe/exec.h", r"^    int64_t timeout_ns;", "    int64_t timeout_ns;\n    int64_t more;")
        self.edit(
            "include/aipipe/exec.h",
            r"\{ sizeof\(aip_call\), 0, NULL, NULL, NULL, 0 \}",
            "{ sizeof(aip_call), 0, NULL, NULL, NULL, 0, 0 }",
        )
        self.assertEqual(self.api("check").returncode, 1)
        done = self.api("add")
        self.assertEqual(done.returncode, 0, said(done))
        self.assertEqual(
            self.entries()["aip_call"]["fields"][-1],
            {"name": "more", "type": "int64_t", "doc": "0: none; past it the call ends with AIP_E_TIMEOUT", "since": "9.0.0"},
        )
        self.assertEqual(self.api("check").returncode, 0)
        self.assertTrue(self.layouts_compile())

    def test_padding_that_nobody_named_is_refused(self):
        self.edit("include/aipipe/exec.h", r"^    int64_t timeout_ns;", "    int64_t timeout_ns;\n    int32_t more;")
        self.edit(
            "include/aipipe/exec.h",
            r"\{ sizeof\(aip_call\), 0, NULL, NULL, NULL, 0 \}",
            "{ sizeof(aip_call), 0, NULL, NULL, NULL, 0, 0 }",
        )
        done = self.api("add")
        self.assertEqual(done.returncode, 1)
        self.assertIn("padding", said(done))

    def test_a_new_function_is_missed_until_it_is_added_and_takes_the_next_slot(self):
        before = self.entries()
        self.edit(
            "include/aipipe/base.h",
            r"^AIP_API const char \*aip_numeric_profile.*$",
            r"\g<0>\n/* A new one. immutable */\nAIP_API int32_t aip_a_new_one(int32_t n);",
        )
        done = self.api("check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("aip_a_new_one is not in the description", said(done))
        self.assertEqual(self.api("add").returncode, 0)
        done = self.api("check")
        self.assertEqual(done.returncode, 0, said(done))
        after = self.entries()
        slots = {name: entry["api_slot"] for name, entry in before.items() if entry["kind"] == "function"}
        new = after["aip_a_new_one"]
        self.assertEqual(
            (new["since"], new["api_slot"], new["thread"], new["doc"]),
            ("9.0.0", max(slots.values()) + 1, "immutable", "A new one. immutable"),
        )
        self.assertEqual({name: after[name]["api_slot"] for name in slots}, slots)
        self.assertTrue(self.layouts_compile())

    def test_a_changed_comment_is_seen_and_taken(self):
        self.edit("include/aipipe/exec.h", r"A token; sticky once requested", "A token that sticks")
        self.assertEqual(self.api("check").returncode, 1)
        self.assertEqual(self.api("add").returncode, 0)
        self.assertIn("A token that sticks", self.entries()["aip_cancel_create"]["doc"])

    def test_a_written_file_that_was_edited_by_hand_is_seen(self):
        self.edit("bindings/python/aipipe/_prototypes.py", r"^AIP_E_DATA = -8", "AIP_E_DATA = -9")
        done = self.api("check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("_prototypes.py", said(done))


class Symbols(Gate):
    def golden(self):
        with open(os.path.join(ABI, "symbols.txt"), encoding="utf-8") as stream:
            return stream.read().split()

    def gate(self, names):
        source = self.write("stubs.c", "".join(f"void {name}(void);\nvoid {name}(void) {{}}\n" for name in names))
        return run(os.path.join(ABI, "symbols.sh"), self.compiled(source, "stubs.so"), os.path.join(ABI, "symbols.txt"))

    def test_the_same_names_pass(self):
        self.assertEqual(self.gate(self.golden()).returncode, 0)

    def test_a_name_that_went_is_refused(self):
        names = self.golden()
        names.remove("aip_version")
        done = self.gate(names)
        self.assertEqual(done.returncode, 1)
        self.assertIn("< aip_version", done.stdout)

    def test_a_name_that_nobody_meant_to_export_is_refused(self):
        done = self.gate([*self.golden(), "aip__hidden"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("> aip__hidden", done.stdout)

    def test_no_release_had_a_name_that_is_gone(self):
        releases = os.listdir(BASELINES)
        self.assertIn("0.1.0", releases)
        for release in releases:
            with open(os.path.join(BASELINES, release, "symbols.txt"), encoding="utf-8") as stream:
                self.assertEqual(set(stream.read().split()) - set(self.golden()), set(), release)


class Headers(Gate):
    def gate(self, text):
        self.write("aipipe/x.h", text)
        return run(os.path.join(ABI, "headers.sh"), self.folder)

    def test_a_clean_header_passes(self):
        done = self.gate("#include <stdint.h>\nint32_t aip_x(int32_t n);\n")
        self.assertEqual(done.returncode, 0, said(done))

    def test_one_that_leans_on_another_is_refused(self):
        self.assertNotEqual(self.gate("int32_t aip_x(int32_t n);\n").returncode, 0)

    def test_one_that_is_no_cpp_is_refused(self):
        done = self.gate("int aip_x(int class);\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("g++ -std=c++2b", said(done))
        self.assertNotIn("gcc -std=c2x", said(done))

    def test_one_that_is_no_c99_is_refused(self):
        done = self.gate('_Static_assert(1, "");\n')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("gcc -std=c99", said(done))
        self.assertNotIn("gcc -std=c11", said(done))


class Abidiff(Gate):
    """The gate on a small library with a public header, a private struct behind a handle, and a baseline of its own."""

    HEADER = (
        "#include <stdint.h>\ntypedef struct aip_thing aip_thing;\n"
        "typedef struct aip_options {\n    uint32_t struct_size;\n    int32_t first;\n    int64_t second;\n} aip_options;\n"
        "int32_t aip_thing_use(aip_thing *thing, const aip_options *options);\nint64_t aip_thing_count(const aip_thing *thing);\n"
    )
    SOURCE = (
        '#include "include/aipipe/x.h"\nstruct aip_thing {\n    int64_t n;\n};\n'
        "int32_t aip_thing_use(aip_thing *thing, const aip_options *options) { return (int32_t)thing->n + options->first; }\n"
        "int64_t aip_thing_count(const aip_thing *thing) { return thing->n; }\n"
    )

    def library(self, change, to):
        self.assertTrue(change in self.HEADER or change in self.SOURCE)
        self.write("include/aipipe/x.h", self.HEADER.replace(change, to))
        return self.compiled(self.write("x.c", self.SOURCE.replace(change, to)), "x.so", "-I", self.folder)

    def gate(self, change, to):
        then = run("abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-elf-needed", self.library("", ""))
        self.assertEqual(then.returncode, 0, said(then))
        path = self.write("then/libaipipe.abi", then.stdout)
        self.assertEqual(run("xz", path).returncode, 0)
        return run(os.path.join(ABI, "abidiff.sh"), self.library(change, to), os.path.dirname(path))

    def holds(self, change, to):
        done = self.gate(change, to)
        self.assertEqual(done.returncode, 0, said(done))

    def breaks(self, change, to, word):
        done = self.gate(change, to)
        self.assertEqual(done.returncode, 1, said(done))
        self.assertIn(word, done.stdout)

    def test_the_same_library_holds(self):
        self.holds("", "")

    def test_what_a_handle_points_to_may_change(self):
        self.holds("    int64_t n;", "    int64_t m;\n    int64_t n;")

    def test_a_new_function_holds(self):
        self.holds(
            "struct aip_thing {", "int64_t aip_thing_more(void);\nint64_t aip_thing_more(void) { return 0; }\nstruct aip_thing {"
        )

    def test_a_removed_function_breaks(self):
        self.breaks("aip_thing_count", "aip_thing_counted", "aip_thing_count(")

    def test_a_field_in_the_middle_breaks(self):
        self.breaks("    int64_t second;", "    int64_t between;\n    int64_t second;", "between")

    def test_a_field_of_another_type_breaks(self):
        self.breaks("    int64_t second;", "    double second;", "second")

    def test_a_result_of_another_type_breaks(self):
        self.breaks("int64_t aip_thing_count(", "int32_t aip_thing_count(", "aip_thing_count")


class Consumers(unittest.TestCase):
    def test_the_program_of_each_release_calls_every_function_that_the_release_had(self):
        programs = os.environ["AIPIPE_CONSUMERS"].split(os.pathsep)
        self.assertEqual(len(programs), len(os.listdir(BASELINES)))
        for program, release in zip(programs, sorted(os.listdir(BASELINES))):
            with open(os.path.join(BASELINES, release, "symbols.txt"), encoding="utf-8") as stream:
                names = set(stream.read().split())
            used = set(re.findall(r"\bU (aip_\w+)", run("nm", "-D", "--undefined-only", program).stdout))
            self.assertEqual(names - used, set(), release)


if __name__ == "__main__":
    unittest.main()
