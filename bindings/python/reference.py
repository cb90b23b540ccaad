#!/usr/bin/env python3
"""Writes docs/reference/python.md: every public class and function of the package, from its signature and docstring.

    bindings/python/reference.py            # writes the file
    bindings/python/reference.py --check    # only compares; exit status 1 when it differs

The docstrings are the source: help() and the page say the same. Signatures are read from the source files, so that they do
not depend on the version of Python.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
from types import ModuleType

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs", "reference", "python.md")

HEAD = """# Python reference

Written by bindings/python/reference.py from the docstrings of `import aipipe as ap`; `help(ap.Dataset)` shows the same. What
each stage and model computes stands in the [catalogue](catalogue.md); the [tutorial](../tutorial.md) has whole programs.
"""

GROUPS = (
    ("Reading and tables", ("_read", "_dataset", "_batch", "_split", "_inspect")),
    ("Expressions", ("_expression",)),
    ("Stages and models", ("_catalog", "_estimator", "_sklearn")),
    ("Pipelines, packages and scorers", ("_pipeline", "_package", "_scorer")),
    ("DAGs and runs", ("_dag", "_run")),
    ("Contexts", ("_context",)),
    ("Errors", ("_errors",)),
)

# What estimators share: not names of the package, but their methods are what every stage and model has.
SHARED = ("Estimator", "StageEstimator", "RowStage", "Transformer", "Classifier")


def signature(node: ast.FunctionDef) -> str:
    """The parameters as they stand in the source, without annotations of the receiver and without comments."""
    arguments = ast.parse(ast.unparse(node)).body[0].args  # a copy, which may be changed
    for group in (arguments.posonlyargs, arguments.args):
        if group and group[0].arg in ("self", "cls"):
            del group[0]
            break
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(arguments)}){result}"


def is_property(node: ast.FunctionDef) -> bool:
    """Whether it is read without a call."""
    return any(isinstance(d, ast.Name) and d.id in ("property", "cached_property") for d in node.decorator_list)


def prefix(node: ast.FunctionDef) -> str:
    """What stands before a method's name, such as `classmethod `."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Name) and decorator.id in ("classmethod", "staticmethod"):
            return decorator.id + " "
    return ""


def text(node: ast.AST) -> list[str]:
    """The docstring; indented parts (parameter lists, examples) as they are laid out."""
    doc = ast.get_docstring(node)
    if not doc:
        return []
    lines: list[str] = []
    inside = False
    doc = re.sub(r":(?:func|meth|class|attr|mod):`~?(?:aipipe\.)?([^`]*)`", r"`\1`", doc).replace("``", "`")
    for line in inspect.cleandoc(doc).splitlines():
        indented = line.startswith("    ")
        if indented and not inside:
            lines += ["", "```text"] if lines and lines[-1] else ["```text"]
            inside = True
        elif inside and line and not indented:
            while lines and not lines[-1]:
                lines.pop()
            lines += ["```", ""]
            inside = False
        lines.append(line)
    if inside:
        lines.append("```")
    return [*lines, ""]


SPECIAL = ("__call__", "__getitem__", "__iter__", "__len__", "__arrow_c_stream__")


def methods(node: ast.ClassDef) -> list[str]:
    """Those that are public and have a docstring."""
    lines: list[str] = []
    for item in node.body:
        if not isinstance(item, ast.FunctionDef) or not ast.get_docstring(item):
            continue
        if item.name.startswith("_") and item.name not in SPECIAL:
            continue
        if any(isinstance(d, ast.Attribute) and d.attr in ("setter", "deleter") for d in item.decorator_list):
            continue
        lines += [f"#### {node.name}.{item.name}", ""]
        if not is_property(item):
            lines += ["```python", f"{prefix(item)}{item.name}{signature(item)}", "```", ""]
        lines += text(item)
    return lines


def shared_by(package: ModuleType, name: str) -> list[str]:
    """The shared classes that a public class builds on, nearest first."""
    known = getattr(package, name, None)
    return [c.__name__ for c in known.__mro__ if c.__name__ in SHARED] if isinstance(known, type) else []


def entry(package: ModuleType, name: str, node: ast.AST) -> list[str]:
    """A function, or a class with its methods."""
    if isinstance(node, ast.FunctionDef):
        return [f"### {name}", "", "```python", f"{name}{signature(node)}", "```", "", *text(node)]
    assert isinstance(node, ast.ClassDef)
    made = next((i for i in node.body if isinstance(i, ast.FunctionDef) and i.name == "__init__"), None)
    bases = [ast.unparse(b) for b in node.bases]
    lines = [f"### {name}", ""]
    if made:
        lines += ["```python", f"{name}{signature(made).split(' -> ')[0]}", "```", ""]
    if name.endswith("Error") or name.endswith("_") or "Error" in bases or name in ("Cancelled", "Timeout"):
        lines += [f"Also: {', '.join(f'`{b}`' for b in bases)}.", ""]
    lines += text(node)
    shared = shared_by(package, name)
    if shared:
        links = [f"[{base}](#{base.lower()})" for base in shared]
        lines += [f"It also has the methods of {', '.join(links)}.", ""]
    return lines + methods(node)


def write(package: ModuleType) -> str:
    """The whole page."""
    sources: dict[str, dict[str, ast.AST]] = {}
    for _, modules in GROUPS:
        for module in modules:
            with open(os.path.join(HERE, "aipipe", module + ".py"), encoding="utf-8") as file:
                tree = ast.parse(file.read())
            sources[module] = {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    wanted = {name for name in package.__all__ if not name.startswith("__")}
    lines = HEAD.splitlines()
    written: set[str] = set()
    for title, modules in GROUPS:
        lines += ["", f"## {title}", ""]
        for module in modules:
            for name, node in sources[module].items():
                if name in wanted or (module == "_estimator" and name in SHARED):
                    lines += entry(package, name, node)
                    written.add(name)
    missing = sorted(wanted - written)
    if missing:
        raise SystemExit(f"reference.py: public names that no module of a group defines: {', '.join(missing)}")
    page: list[str] = []
    for line in lines:
        if line or (page and page[-1]):
            page.append(line.rstrip())
    return "\n".join(page).rstrip() + "\n"


def main() -> int:
    """Writes or compares; the exit status."""
    sys.path.insert(0, HERE)
    import aipipe

    page = write(aipipe)
    if sys.argv[1:] == ["--check"]:
        with open(TARGET, encoding="utf-8") as file:
            if file.read() == page:
                return 0
        print("docs/reference/python.md is not what the docstrings say: run bindings/python/reference.py", file=sys.stderr)
        return 1
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
