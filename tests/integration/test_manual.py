"""What the manual tells its readers to write and type works, and prints what the manual shows.

Beside what harness.py needs, the environment names AIPIPE_LIBRARY, the shared library, and AIPIPE_FIRST_CPP where C++ is built. Compilers are CC and
CXX, or cc and c++.
"""
import json
import os
import re
import subprocess
import sys
import unittest

import manual
from harness import AIPIPE, SOURCE, PipelineTest

LIBRARY = os.environ["AIPIPE_LIBRARY"]
CPP = "AIPIPE_FIRST_CPP" in os.environ  # a machine without a C++ compiler builds the library and follows the rest


class Reading(unittest.TestCase):
    """The reader of documents itself: what it lets pass would be an example that nobody runs."""

    def test_a_block_that_would_not_be_run_is_refused(self):
        with self.assertRaisesRegex(ValueError, "line 3: a block of c is neither"):
            manual.read("Text.\n\n```c\nint x;\n```\n")
        with self.assertRaisesRegex(ValueError, "line 2: a session starts with a command"):
            manual.read("```console\nls\n```\n")
        with self.assertRaisesRegex(ValueError, "does not end"):
            manual.read("```text\nls\n")

    def test_files_and_sessions_come_in_order(self):
        document = "A file, `a/b.c`:\n\n```c\nint x;\n```\nThen:\n```console\n$ one \\\n  two\nout\n\n$ three\n```\n```text\nno\n```\n"
        first, second = manual.read(document)
        self.assertEqual((first.kind, first.name, first.text), ("file", "a/b.c", "int x;\n"))
        self.assertEqual((second.kind, second.steps), ("session", [["one \\\n  two", ["out", ""]], ["three", []]]))

    def test_what_is_printed_must_be_what_is_shown(self):
        self.assertTrue(manual.agrees(["a ... b", "...", "c"], ["a 12 b", "x", "y", "c"]))
        self.assertTrue(manual.agrees(["a"], ["a  "]))
        for expected, printed in ((["a"], ["b"]), (["a"], []), ([], ["a"]), (["a ... b"], ["a 1", "b"]), (["a.b"], ["axb"]), (["..."], [])):
            self.assertEqual(manual.agrees(expected, printed), (expected, printed) == (["..."], []), (expected, printed))


class Manual(PipelineTest):
    def setUp(self):
        super().setUp()
        libraries = os.path.dirname(LIBRARY)
        os.mkdir(self.path(".bin"))
        os.symlink(AIPIPE, self.path(".bin", "aipipe"))
        for name, variable in (("cc", "CC"), ("c++", "CXX")):
            self.write(f".bin/{name}", f'#!/bin/sh\nexec {os.environ.get(variable) or "/usr/bin/" + name} "$@"\n')
            os.chmod(self.path(".bin", name), 0o755)
        # As `meson install` writes it, but for the folders: tests/integration/installed.sh tries the real one.
        self.write(".bin/aipipe.pc", f"Name: aipipe\nDescription: as built\nVersion: 0\nCflags: -I{SOURCE}/include\n"
                                     f"Libs: -L{libraries} -Wl,-rpath,{libraries} -laipipe\n")
        self.environment = {
            **os.environ,
            "PATH": f"{self.path('.bin')}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
            "PKG_CONFIG_PATH": self.path(".bin"),
            "PYTHONPATH": os.path.join(SOURCE, "bindings", "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AIPIPE_SOURCE": SOURCE,
            "COLUMNS": "100",
            "LC_ALL": "C.UTF-8",
        }

    def follow(self, name):
        """Does what a document says."""
        with open(os.path.join(SOURCE, "docs", name), encoding="utf-8") as stream:
            blocks = manual.read(stream.read())
        n_steps = 0
        for block in blocks:
            if block.kind == "file":
                os.makedirs(os.path.dirname(self.path(block.name)), exist_ok=True)
                self.write(block.name, block.text)
                continue
            if not CPP and block.steps[0][0].startswith("c++ "):
                continue
            for command, expected in block.steps:
                done = subprocess.run(["bash", "-euc", command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
                where = f"docs/{name}, session of line {block.line}:\n$ {command}\n{done.stdout}"
                self.assertEqual(done.returncode, 0, where)
                self.assertTrue(manual.agrees(expected, done.stdout.splitlines()), where + "--- where the document shows\n" + "\n".join(expected))
                n_steps += 1
        self.assertGreater(n_steps, 0, name)

    def test_the_build_files_of_the_guide_are_those_that_are_built_against_the_installed_library(self):
        with open(os.path.join(SOURCE, "docs", "embedding.md"), encoding="utf-8") as stream:
            files = {block.name: block.text for block in manual.read(stream.read()) if block.kind == "file"}
        with open(os.path.join(SOURCE, "tests", "integration", "installed.sh"), encoding="utf-8") as stream:
            built = stream.read()
        for name in ("CMakeLists.txt", "meson.build"):
            self.assertIn(f"{name}\" <<'END'\n{files[name]}END\n", built)

    def test_every_page_is_in_the_index_and_every_link_leads_somewhere(self):
        folder = os.path.join(SOURCE, "docs")
        pages = {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}
        linked = set()
        for page in ["../README.md", *(page for page in pages if page.endswith(".md"))]:
            with open(os.path.join(folder, page), encoding="utf-8") as stream:
                text = re.sub(r"^```.*?^```", "", stream.read(), flags=re.M | re.S)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                path, _, heading = target.partition("#")
                if "://" in target:
                    continue
                found = os.path.normpath(os.path.join(folder, os.path.dirname(page), path)) if path else os.path.join(folder, page)
                self.assertTrue(os.path.exists(found), f"docs/{page}: {target}")
                if heading:
                    with open(found, encoding="utf-8") as stream:
                        whole = stream.read()
                    anchors = [re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in re.findall(r"^#+ (.*)", whole, re.M)]
                    anchors += re.findall(r'<a (?:id|name)="([^"]+)"', whole)
                    self.assertIn(heading, anchors, f"docs/{page}: {target}")
                if page == "README.md":
                    linked.add(os.path.relpath(found, folder))
        self.assertEqual(pages - linked, {"README.md"})

    def test_python_files_that_are_shown_parse(self):
        with open(os.path.join(SOURCE, "docs", "migration.md"), encoding="utf-8") as stream:
            files = [block for block in manual.read(stream.read()) if block.kind == "file" and block.name.endswith(".py")]
        self.assertIn("before/dag.py", [block.name for block in files])  # Airflow itself is not there to run it
        for block in files:
            compile(block.text, block.name, "exec")

    def cells(self, page, heading, column):
        """The `code` in a column of the table whose first heading is this."""
        with open(os.path.join(SOURCE, "docs", page), encoding="utf-8") as stream:
            table = re.search(rf"^\| {heading} \|.*?\n\n", stream.read(), re.M | re.S).group()
        return [code for row in table.splitlines()[2:] if row for code in re.findall(r"`([^`]+)`", row.split(" | ")[column])]

    def test_the_stages_and_operators_of_the_migration_tables_are_right(self):
        listed = json.loads(self.ok("catalog", "--json").out)
        kinds = {entry["name"]: entry["kind"] for entry in listed if entry["kind"] in ("stage", "operator")}
        self.write("a.csv", "a,b,c,x,k,y,delay\n1,2,3,4,5,0,7\n")
        os.mkdir(self.path("d"))
        self.write("d/a.csv", "a\n1\n")
        tasks = []
        for cell in self.cells("migration.md", "pandas", 2) + self.cells("migration.md", "scikit-learn", 2):
            name = cell.split(":")[0]
            if "..." in cell or ":" not in cell or kinds.get(name) is None or name in ("predict", "evaluate"):
                continue
            body = f"{{from: table, transform: [{{{cell}}}]}}" if kinds[name] == "stage" else "{" + "from: table, " * (name != "read") + cell + "}"
            tasks.append(f"  task{len(tasks)}: {body}\n")
        self.assertGreaterEqual(len(tasks), 10)
        self.write("dag.yaml", "dag: cells\ntasks:\n  table: {read: a.csv}\n  other: {read: a.csv}\n" + "".join(tasks))
        self.ok("lint", "dag.yaml")

    def test_the_python_of_the_migration_tables_runs(self):
        calls = [cell for heading in ("pandas", "scikit-learn") for cell in self.cells("migration.md", heading, 1)
                 if "(" in cell and "..." not in cell and cell.startswith(("ap.", "table", "pipeline")) and "df" not in cell and "pandas" not in cell]
        self.assertGreaterEqual(len(calls), 12)
        self.write("a.csv", "a,b,c,x,delay,y,k\n" + "".join(f"{i},{i * i % 7},3,{i % 5},{i * 3 % 40},{i * i % 3 % 2},{i}\n" for i in range(40)))
        os.mkdir(self.path("d"))
        self.write("d/a.csv", "a\n1\n")
        self.write("calls.py", 'import aipipe as ap\ntable = test = ap.read_csv("a.csv")\nother, f = table[["k"]], "f.aip"\n'
                               "a, b, model = ap.SimpleImputer(), ap.StandardScaler(), ap.LogisticRegression()\n"
                               'pipeline = ap.Pipeline([a, b, model]).fit(table, target="y")\n' +
                   "".join(f"made = {call}\nisinstance(made, ap.Dataset) and made.count()\n" for call in calls))
        done = subprocess.run([sys.executable, "calls.py"], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_man_page_says_what_the_page_of_the_command_says(self):
        page = os.path.join(SOURCE, "docs", "cli.md")
        subprocess.run([sys.executable, os.path.join(SOURCE, "tools", "manpage.py"), page, "1.2.3", self.path("aipipe.1")], check=True)
        lines = self.read("aipipe.1").decode().splitlines()
        self.assertTrue(lines[0].startswith(".TH AIPIPE 1") and "1.2.3" in lines[0], lines[0])
        requests = {line.split(" ")[0] for line in lines if line.startswith((".", "'"))}
        self.assertEqual(requests - {".TH", ".SH", ".PP", ".TP", ".IP", ".B", ".I", ".br", ".nf", ".fi", ".sp"}, set())
        with open(page, encoding="utf-8") as stream:
            text = stream.read()
        for heading in re.findall(r"^## (.*)", text, re.M):
            self.assertIn(".SH " + heading.upper(), lines)

        def words(some):
            some = re.sub(r"\\f[BR]|\\&", "", some.replace("\\(aq", "'").replace("\\-", "-").replace("\\e", "\\").replace("\\`", "`"))
            return re.findall(r"[A-Za-z0-9_./*'-]*\w", re.sub(r"\]\([^)]*\)", "]", some))

        said = words(re.sub(r"^# .*|^\| (---|code|option) .*|^##.*", "", text, flags=re.M))
        rest = iter(words("\n".join(line for line in lines if not line.startswith((".TH", ".SH")))))
        for word in said:  # every word of the page, in its order
            self.assertTrue(any(word == one for one in rest), word)

    def test_bash_completes_from_the_commands_own_help(self):
        script = f"""source {SOURCE}/tools/aipipe.bash
            for line in "in" "run --me" "predict --out" "run --color a" "catalog one" "lint dag"; do
                COMP_WORDS=(aipipe $line); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _aipipe; echo "${{COMPREPLY[*]}}"
            done"""
        done = subprocess.run(["bash", "-uc", script], env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), ["inspect", "--memory-limit", "--output", "auto always", "one_hot_encoder", ""])

    def test_the_tutorial(self):
        self.follow("tutorial.md")

    def test_the_embedding_guide(self):
        self.follow("embedding.md")

    def test_the_page_of_csv(self):
        self.follow("dialects.md")

    def test_the_migration_page(self):
        self.follow("migration.md")


if __name__ == "__main__":
    unittest.main()
