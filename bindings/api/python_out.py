"""bindings/python/aipipe/_prototypes.py: constants, handles, structs, callback types and the prototype of every function,
for ctypes.

Handles are subclasses of c_void_p: one kind is not taken for another, none is turned into a bare int, and passing one
costs no conversion. Pointers to scalars inside structs, and arrays of scalars, are plain addresses.
"""

import re

from description import of_kind

SCALARS = {
    "int": "c_int",
    "int8_t": "c_int8",
    "uint8_t": "c_uint8",
    "int16_t": "c_int16",
    "uint16_t": "c_uint16",
    "int32_t": "c_int32",
    "uint32_t": "c_uint32",
    "int64_t": "c_int64",
    "uint64_t": "c_uint64",
    "size_t": "c_size_t",
    "float": "c_float",
    "double": "c_double",
}
ADDRESSES = {"char": "ctypes.c_char_p", "void": "ctypes.c_void_p", "aip_api": "ctypes.c_void_p"}  # the table is for modules in C
WIDTH = 130
HEAD = '''"""The C API of libaipipe for ctypes: constants, handles, structs, callback types, prototypes.

Written by scripts/api from bindings/api/aipipe.json: not edited by hand.
"""
from __future__ import annotations

import ctypes
from typing import Any

'''
BASES = '''
class Handle(ctypes.c_void_p):
    """A pointer to an object of the library. False when NULL; `byref` of an empty one takes an out-parameter."""

    __slots__ = ()


class SizedStructure(ctypes.Structure):
    """A struct that starts with its own size. Fields that are not given have the defaults of the C initializer."""

    _defaults_: dict[str, Any] = {}

    def __init__(self, **fields: Any) -> None:
        super().__init__(struct_size=ctypes.sizeof(type(self)), **{**self._defaults_, **fields})

'''


class Types:
    """C types as expressions of ctypes."""

    def __init__(self, description):
        self.handles = {entry["name"] for entry in of_kind(description, "handle")}
        self.structs = {entry["name"] for entry in of_kind(description, "struct")}
        self.callbacks = {entry["name"] for entry in of_kind(description, "callback")}
        self.inline = {}  # name of a callback type: its signature

    def plain(self, kind):
        text = re.sub(r"\b(const|struct)\b", "", kind).replace(" ", "")
        base, depth = text.rstrip("*"), text.count("*")
        if not depth:
            if base == "void":
                return "None"
            return base if base in self.callbacks else f"ctypes.{SCALARS[base]}"
        if base in ADDRESSES:
            inner, depth = ADDRESSES[base], depth - 1
        elif base in self.handles:
            inner, depth = base, depth - 1
        elif base in self.structs:
            inner = base
        else:
            inner = f"ctypes.{SCALARS[base]}"
        return "ctypes.POINTER(" * depth + inner + ")" * depth

    def parameter(self, item, owner):
        if "callback" in item:
            return self.named(owner + "_" + ("fn" if item["name"] == "fn" else item["name"] + "_fn"), item["callback"])
        if "array" in item and re.fullmatch(r"(const )?\w+ \*", item["type"]) and item["type"].split()[-2] in SCALARS:
            return "ctypes.c_void_p"
        return self.plain(item["type"])

    def field(self, item, owner):
        if "callback" in item:
            return self.named(f"{owner}_{item['name']}_fn", item["callback"])
        kind = item["type"]
        base = re.sub(r"\b(const|struct)\b|[ *]", "", kind)
        if item.get("bytes") or (kind.count("*") == 1 and base in SCALARS):
            return "ctypes.c_void_p"
        return self.plain(kind)

    def named(self, name, signature):
        self.inline[name] = signature
        return name


def _wrapped(head, items, tail):
    """head item, item, ... tail; broken over lines of WIDTH."""
    line = head + ", ".join(items) + tail
    if len(line) <= WIDTH:
        return line
    lines, current = [head], "    "
    for item in items:
        if len(current) + len(item) + 2 > WIDTH:
            lines.append(current.rstrip())
            current = "    "
        current += item + ", "
    return "\n".join([*lines, current.rstrip(), tail])


def _callback(name, signature, types):
    returns = signature["returns"]
    # a text that Python returns would not live long enough: such a callback hands out an address
    result = "ctypes.c_void_p" if "*" in returns else types.plain(returns)
    return _wrapped(f"{name} = ctypes.CFUNCTYPE(", [result] + [types.parameter(p, name) for p in signature["parameters"]], ")")


def _doc(text, indent):
    text = re.sub(r"\s+", " ", text).strip().replace("\\", "\\\\").replace('"', "'")
    words, lines, current = text.split(), [], ""
    for word in words:
        if current and len(indent) + 3 + len(current) + 1 + len(word) > WIDTH - 3:
            lines.append(current)
            current = word
        else:
            current = f"{current} {word}".strip()
    return f'{indent}"""' + f"\n{indent}".join([*lines, current]) + '"""\n'


def _defaults(description):
    """Of each struct, the fields whose initializer in C is not zero."""
    found = {}
    for macro in of_kind(description, "macro"):
        if not macro["name"].endswith("_INIT"):
            continue
        values = [value.strip() for value in macro["definition"].strip("{} ").split(",")]
        name = re.fullmatch(r"sizeof\((\w+)\)", values[0]).group(1)
        struct = next(s for s in of_kind(description, "struct") if s["name"] == name)
        if len(values) != len(struct["fields"]):
            raise SystemExit(f"api: {macro['name']} has {len(values)} values, struct {name} {len(struct['fields'])} fields")
        found[name] = {
            f["name"]: re.sub(r"^sizeof\((\w+)\)$", r"ctypes.sizeof(\1)", v)
            for f, v in zip(struct["fields"][1:], values[1:])
            if v not in ("0", "NULL")
        }
    return found


def prototypes(description, version):
    types = Types(description)
    out = [HEAD, f'API_VERSION = "{version}"\n\n']
    for entry in of_kind(description, "constant"):
        out.append(f"{entry['name']} = {entry['value']!r}\n")
    out.append("\n" + BASES)
    for entry in of_kind(description, "handle"):
        out.append(
            f"\nclass {entry['name']}(Handle):\n"
            + (_doc(entry["doc"], "    ") if entry["doc"] else f'    """A pointer to `{entry["name"]}`."""\n')
            + "\n    __slots__ = ()\n\n"
        )
    for entry in of_kind(description, "struct"):
        base = "SizedStructure" if entry["fields"][0]["name"] == "struct_size" else "ctypes.Structure"
        out.append(
            f"\nclass {entry['name']}({base}):\n"
            + _doc(entry["doc"] or f"`{entry['name']}` of aipipe/{entry['header']}.", "    ")
            + "\n"
        )
    out.append("\n")
    structs = [
        (entry, [(f["name"], types.field(f, entry["name"])) for f in entry["fields"]]) for entry in of_kind(description, "struct")
    ]
    functions = [
        (entry["name"], types.plain(entry["returns"]), [types.parameter(p, entry["name"]) for p in entry["parameters"]])
        for entry in of_kind(description, "function")
    ]
    for entry in of_kind(description, "callback"):
        out.append(_callback(entry["name"], entry, types) + "\n")
    for name, signature in sorted(types.inline.items()):
        out.append(_callback(name, signature, types) + "\n")
    out.append("\n")
    for entry, fields in structs:
        out.append(f"{entry['name']}._fields_ = [\n" + "".join(f'    ("{name}", {kind}),\n' for name, kind in fields) + "]\n")
    for name, values in sorted(_defaults(description).items()):
        if values:
            out.append(f"{name}._defaults_ = {{" + ", ".join(f'"{k}": {v}' for k, v in values.items()) + "}\n")
    out.append(
        "\nHANDLES: tuple[type[Handle], ...] = (\n"
        + "".join(f"    {e['name']},\n" for e in of_kind(description, "handle"))
        + ")\n"
    )
    out.append(
        "STRUCTS: tuple[type[ctypes.Structure], ...] = (\n"
        + "".join(f"    {e['name']},\n" for e in of_kind(description, "struct"))
        + ")\n"
    )
    out.append("# name: (what it returns, its parameters)\nFUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {\n")
    for name, returns, parameters in functions:
        line = f'    "{name}": ({returns}, (' + ", ".join(parameters) + ("," if len(parameters) == 1 else "") + ")),"
        if len(line) > WIDTH:
            rows, current = [], " " * 12
            for parameter in parameters:
                if len(current) + len(parameter) + 2 > WIDTH:
                    rows.append(current.rstrip())
                    current = " " * 12
                current += parameter + ", "
            line = (
                f'    "{name}": (\n        {returns},\n        (\n'
                + "\n".join([*rows, current.rstrip()])
                + "\n        ),\n    ),"
            )
        out.append(line + "\n")
    out.append(
        "}\n\n\ndef declare(library: ctypes.CDLL) -> list[str]:\n"
        '    """Gives every function of the loaded library its prototype; returns the names that it does not have."""\n'
        "    missing = []\n"
        "    for name, (returns, parameters) in FUNCTIONS.items():\n"
        "        function = getattr(library, name, None)\n"
        "        if function is None:\n"
        "            missing.append(name)\n"
        "            continue\n"
        "        function.restype = returns\n"
        "        function.argtypes = parameters\n"
        "    return missing\n"
    )
    return "".join(out)
