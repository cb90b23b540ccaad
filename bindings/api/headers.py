"""What the public C headers declare, as plain dictionaries in the order of the text: pycparser gives the types, the text the
comments.

A header is cut into statements (its comments blanked), so that each declaration knows its lines; a comment belongs to the
declaration that starts on the line after it or ends on its own line. A comment that opens with "----" begins a section.
"""

import os
import re
import subprocess
import tempfile

try:
    from pycparser import c_ast, c_generator, c_parser
except ImportError as missing:
    raise SystemExit("api: pycparser reads the headers: apt install python3-pycparser (scripts/setup check)") from missing

GENERATED = {"aipipe.h", "api_table.h", "module_author.h"}  # the one includes the rest, the other is written from the description
SYSTEM = {
    "stddef.h": "typedef unsigned long size_t;\n#define NULL ((void *)0)\n",
    "stdint.h": "".join(
        f"typedef {c} {name};\n"
        for name, c in (
            ("int8_t", "signed char"),
            ("uint8_t", "unsigned char"),
            ("int16_t", "short"),
            ("uint16_t", "unsigned short"),
            ("int32_t", "int"),
            ("uint32_t", "unsigned"),
            ("int64_t", "long"),
            ("uint64_t", "unsigned long"),
            ("intptr_t", "long"),
            ("uintptr_t", "unsigned long"),
        )
    ),
}
LIMITS = {
    "UINT64_MAX": ("uint64_t", 2**64 - 1),
    "INT64_MAX": ("int64_t", 2**63 - 1),
    "INT64_MIN": ("int64_t", -(2**63)),
    "UINT32_MAX": ("uint32_t", 2**32 - 1),
    "INT32_MAX": ("int32_t", 2**31 - 1),
    "INT32_MIN": ("int32_t", -(2**31)),
}
NOT_API = {"AIP_API"}
THREAD = re.compile(r"\b(immutable|any-thread|one-at-a-time)\b")


class HeaderError(Exception):
    """A header says something that the description has no form for."""


def comment_text(raw):
    """A comment without its stars: paragraphs as one line each are not made; lines stay lines."""
    lines = raw[2:-2].split("\n")
    return "\n".join(re.sub(r"^\s*\* ?", "", line).strip() for line in lines).strip()


class Text:
    """A header's text: its statements with their lines, and its comments."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        self.comments = []  # (first line, last line, text, stands alone on its line)
        code = []
        end = 0
        for found in re.finditer(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', text, re.S):
            if found.group().startswith('"'):
                continue
            first = text.count("\n", 0, found.start()) + 1
            alone = not text[text.rfind("\n", 0, found.start()) + 1 : found.start()].strip()
            last = first + found.group().count("\n")
            self.comments.append((first, last, comment_text(found.group()), alone))
            code.append(text[end : found.start()] + re.sub(r"[^\n]", " ", found.group()))
            end = found.end()
        self.code = "".join(code) + text[end:]
        self.doc = self.comments[0][2] if self.comments and self.comments[0][0] == 1 else ""
        self.statements = []  # (first line, last line, text, depth 0)
        self._cut()

    def _cut(self):
        code = re.sub(r"#ifdef __cplusplus\n.*?#endif", lambda m: "\n" * m.group().count("\n"), self.code, flags=re.S)
        start, depth, line, begun = 0, 0, 1, 0
        i = 0
        while i < len(code):
            c = code[i]
            if c == "#" and not code[code.rfind("\n", 0, i) + 1 : i].strip():
                end = i
                while True:
                    end = code.find("\n", end + 1)
                    if end < 0 or code[end - 1] != "\\":
                        break
                end = len(code) if end < 0 else end
                piece = code[i:end]
                self.statements.append((line, line + piece.count("\n"), piece))
                line += piece.count("\n")
                i = end
                start = end
                continue
            if c == "\n":
                line += 1
            elif not c.isspace():
                if not code[start:i].strip():
                    start, begun = i, line
                depth += (c == "{") - (c == "}")
                if c == ";" and depth == 0:
                    self.statements.append((begun, line, code[start : i + 1]))
                    start = i + 1
            i += 1

    def statement(self, line):
        """The statement that holds this line."""
        for found in self.statements:
            if found[0] <= line <= found[1] and not found[2].startswith("#"):
                return found
        raise HeaderError(f"line {line}: no statement")

    def section_of(self, line):
        """Title and text of the section that this line lies in."""
        best = ("", "")
        for first, _last, text, alone in self.comments:
            if alone and first <= line and text.startswith("----"):
                title, _, rest = text.partition("\n")
                best = (title.strip("- "), rest.strip())
        return best

    def doc_of(self, first, last, inherit=False):
        """The comment before a statement, and the one that ends its last line. inherit: a run of statements shares one."""
        parts = []
        line = first
        while True:
            above = [c for c in self.comments if c[1] == line - 1 and c[3]]
            if above:
                text = above[0][2]
                if text.startswith("----"):
                    text = text.partition("\n")[2].strip() if inherit else ""
                parts.append(text)
                break
            before = [s for s in self.statements if s[1] == line - 1]
            if not inherit or not before or before[0][2].startswith("#") or self._own(before[0]):
                break
            line = before[0][0]
        if self._own((first, last)):
            own = " ".join(c[2] for c in self.comments if c[0] == last and not c[3])
            parts = [own] if line != first else [*parts, own]
        return "\n".join(part for part in parts if part)

    def _own(self, statement):
        return any(c[0] == statement[1] and not c[3] for c in self.comments)


def _type(node):
    """A C type as text, without the declared name."""
    text = c_generator.CGenerator().visit(c_ast.Typename(None, [], None, node))
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"\bstruct (?=aip_)", "", re.sub(r"\* (?=\*|const\b)", "*", text))


def _anonymous(node):
    """A copy of a declarator whose innermost name is left out, as a type name has it."""
    if isinstance(node, c_ast.TypeDecl):
        return c_ast.TypeDecl(None, node.quals, None, node.type)
    if isinstance(node, c_ast.PtrDecl):
        return c_ast.PtrDecl(node.quals, _anonymous(node.type))
    if isinstance(node, c_ast.ArrayDecl):
        return c_ast.ArrayDecl(_anonymous(node.type), node.dim, node.dim_quals)
    raise HeaderError(f"a type that has no form here: {type(node).__name__}")


def _signature(node):
    """{'returns', 'parameters'} of a function declarator."""
    parameters = []
    for parameter in node.args.params if node.args else []:
        if isinstance(parameter, c_ast.EllipsisParam):
            raise HeaderError("variadic functions break foreign function interfaces")
        if isinstance(parameter, c_ast.Typename) and _type(_anonymous(parameter.type)) == "void":
            continue
        parameters.append(_variable(parameter.name or "", parameter.type))
    return {"returns": _type(_anonymous(node.type)), "parameters": parameters}


def _variable(name, node):
    """A parameter or a field: {'name', 'type'}, or {'name', 'callback'} where it is a function pointer written out."""
    if isinstance(node, c_ast.PtrDecl) and isinstance(node.type, c_ast.FuncDecl):
        return {"name": name, "callback": _signature(node.type)}
    return {"name": name, "type": _type(_anonymous(node))}


def _struct(node, text):
    fields = []
    for decl in node.decls:
        if decl.bitsize is not None or not decl.name:
            raise HeaderError(f"struct {node.name}: no bit-fields and no unnamed fields cross the border")
        field = _variable(decl.name, decl.type)
        line = decl.coord.line
        statements = [s for s in text.fields(node.coord.line) if s[0] <= line <= s[1]]
        field["doc"] = text.doc_of(*statements[0]) if statements else ""
        fields.append(field)
    return fields


def _fields(self, line):
    """The statements of the struct body that the statement at this line holds: (first line, last line)."""
    first, _last, code = self.statement(line)
    found, depth, begun, blank = [], 0, 0, True
    for c in code:
        if c == "\n":
            first += 1
        elif not c.isspace():
            depth += (c in "{(") - (c in "})")
            if depth >= 1 and c != "{":
                if blank:
                    begun, blank = first, False
                if c == ";" and depth == 1:
                    found.append((begun, first))
                    blank = True
    return found


Text.fields = _fields


def _constant(name, body):
    """A macro as a constant {'type', 'value'}, or None when it is no constant."""
    body = body.strip()
    if body in LIMITS:
        return dict(zip(("type", "value"), LIMITS[body]))
    cast = re.fullmatch(r"\(\((u?int(?:8|16|32|64)_t)\)(.*)\)", body)
    kind, number = (cast.group(1), cast.group(2).strip()) if cast else ("int", body)
    if re.fullmatch(r"\(?-?(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*\)?", number):
        return {"type": kind, "value": int(number.strip("()").rstrip("uUlL"), 0)}
    if re.fullmatch(r"-?\d+\.\d*(?:[eE][-+]?\d+)?", number):
        return {"type": "double", "value": float(number)}
    if re.fullmatch(r'"[^"\\]*"', number):
        return {"type": "const char *", "value": number[1:-1]}
    return None


def _macros(text, header):
    for first, last, code in text.statements:
        found = re.match(r"#\s*define\s+(\w+)(\([^)]*\))?[ \t]*(.*)", code.replace("\\\n", " "), re.S)
        if not found:
            continue
        name, parameters, body = found.groups()
        if name in NOT_API or name == f"AIPIPE_{header[:-2].upper()}_H" or name.startswith("ARROW_C_"):
            continue
        entry = {"kind": "constant", "name": name}
        value = None if parameters else _constant(name, body)
        if value:
            entry.update(value)
        else:
            entry = {
                "kind": "macro",
                "name": name,
                "parameters": parameters or "",
                "definition": re.sub(r"\s+", " ", body.strip()),
            }
        entry["doc"] = text.doc_of(first, last)
        yield first, entry


def _declarations(path, include, folder):
    text = Text(path)
    header = os.path.basename(path)
    done = subprocess.run(
        ["gcc", "-E", "-nostdinc", "-U__GNUC__", "-std=c11", "-I", folder, "-I", include, path],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HeaderError(f"{header}: the preprocessor refuses it:\n{done.stderr}")
    found = list(_macros(text, header))
    for node in c_parser.CParser().parse(done.stdout, path).ext:
        if not node.coord or os.path.basename(node.coord.file) != header:
            continue
        line = node.coord.line
        first, last, _ = text.statement(line)
        entry = None
        if isinstance(node, c_ast.Typedef):
            inner = node.type
            if isinstance(inner, c_ast.PtrDecl) and isinstance(inner.type, c_ast.FuncDecl):
                entry = {"kind": "callback", "name": node.name, **_signature(inner.type)}
            elif isinstance(inner, c_ast.TypeDecl) and isinstance(inner.type, c_ast.Struct):
                struct = inner.type
                if struct.name != node.name:
                    raise HeaderError(f"{header}:{line}: struct {struct.name} and typedef {node.name} have one name")
                entry = (
                    {"kind": "struct", "name": node.name, "fields": _struct(struct, text)}
                    if struct.decls
                    else {"kind": "handle", "name": node.name}
                )
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
            entry = {"kind": "function", "name": node.name, **_signature(node.type)}
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.Struct):
            if not node.type.decls:
                continue  # named here, defined elsewhere
            entry = {"kind": "struct", "name": node.type.name, "tag": True, "fields": _struct(node.type, text)}
        if not entry:
            raise HeaderError(f"{header}:{line}: no form in the description for this declaration")
        entry["doc"] = text.doc_of(first, last, inherit=entry["kind"] == "function" and not entry["name"].endswith("_free"))
        if entry["kind"] == "struct" and not entry["doc"]:  # beside its opening brace
            entry["doc"] = " ".join(c[2] for c in text.comments if c[0] == first and not c[3])
        if entry["kind"] == "function":
            tags = THREAD.findall(entry["doc"])
            entry["thread"] = tags[-1] if tags else ""
        found.append((line, entry))
    found.sort(key=lambda pair: pair[0])
    sections = []
    for line, entry in found:
        title, doc = text.section_of(line)
        entry["header"], entry["section"] = header, title
        if title and title not in [s["title"] for s in sections]:
            sections.append({"title": title, "doc": doc})
    return {"name": header, "doc": text.doc, "sections": sections}, [entry for _, entry in found]


def read(include):
    """(headers, declarations) of every public header, headers in the order of their names."""
    headers, declarations = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, content in SYSTEM.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                stream.write(content)
        for name in sorted(os.listdir(os.path.join(include, "aipipe"))):
            if name.endswith(".h") and name not in GENERATED:
                header, entries = _declarations(os.path.join(include, "aipipe", name), include, folder)
                headers.append(header)
                declarations += entries
    return headers, declarations
