"""The description itself (aipipe.json): how it is read and written, held against the headers, and brought up to date with
them.

A declaration has what the header says (kind, name, types, value, fields, doc, header, section, thread) and what only the
description knows: `since`, and of a function `stability`, `api_slot` (its place in struct aip_api) and the direction of
each parameter; `array` names the parameter that counts the items of a pointer, and `bytes` marks a char pointer that does
not end with a NUL. What came with a version before the one under way is released: it is never changed here, except that a
struct may grow at its end.
"""

import json

SCALARS = {
    "int": 4,
    "int8_t": 1,
    "uint8_t": 1,
    "int16_t": 2,
    "uint16_t": 2,
    "int32_t": 4,
    "uint32_t": 4,
    "int64_t": 8,
    "uint64_t": 8,
    "size_t": 8,
    "float": 4,
    "double": 8,
}
EXTRAS = {"since", "stability", "api_slot", "direction", "array", "bytes"}
TEXT = {"doc", "header", "section", "thread"}


class Refused(Exception):
    """The headers break what was released."""


def load(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def dump(description):
    """JSON text with one line for each constant, parameter and field, so that a change is read as a change."""

    def value(item, indent):
        pad = " " * indent
        if isinstance(item, list) and item and isinstance(item[0], dict):
            return "[\n" + ",\n".join(pad + " " + json.dumps(x, ensure_ascii=False) for x in item) + "\n" + pad + "]"
        return json.dumps(item, ensure_ascii=False)

    def declaration(entry):
        if entry["kind"] in ("constant", "handle", "macro"):
            return "  " + json.dumps(entry, ensure_ascii=False)
        return "  {" + ",\n   ".join(f'"{key}": {value(item, 3)}' for key, item in entry.items()) + "}"

    return (
        '{"name": "aipipe",\n "headers": '
        + value(description["headers"], 1)
        + ',\n "declarations": [\n'
        + ",\n".join(declaration(entry) for entry in description["declarations"])
        + "\n ]}\n"
    )


def strip(item, keys):
    """A copy without these keys, at every depth."""
    if isinstance(item, dict):
        return {key: strip(value, keys) for key, value in item.items() if key not in keys}
    if isinstance(item, list):
        return [strip(value, keys) for value in item]
    return item


def of_kind(description, kind):
    return [entry for entry in description["declarations"] if entry["kind"] == kind]


def structs(description):
    return {entry["name"] for entry in of_kind(description, "struct")}


def _direction(parameter, known_structs):
    kind = parameter.get("type", "")
    if parameter["name"] == "err" and kind == "aip_error **":
        return "err"
    words = kind.replace("*", " *").split()
    if kind.count("*") == 2 and "*const" not in kind.replace(" ", "") and "**" in kind:
        return "out"
    if kind.count("*") == 1 and words[0] != "const":
        base = kind.rstrip("* ").replace("struct ", "")
        if base in SCALARS or base in known_structs:
            return "out"
    return "in"


def _complete(entry, old, version, known_structs):
    """The declaration with what only the description knows: from its older self, or the defaults."""
    entry = dict(entry, since=old["since"] if old else version)
    if entry["kind"] == "function":
        before = {p["name"]: p for p in old["parameters"]} if old else {}
        entry["parameters"] = [
            {
                **p,
                "direction": _direction(p, known_structs),
                **{k: v for k, v in before.get(p["name"], {}).items() if k in EXTRAS},
            }
            for p in entry["parameters"]
        ]
        entry["stability"] = old["stability"] if old else "testing"
        entry["api_slot"] = old["api_slot"] if old else -1
    if entry["kind"] == "struct":
        before = {f["name"]: f for f in old["fields"]} if old else {}
        fields = []
        for field in entry["fields"]:
            extras = {k: v for k, v in before.get(field["name"], {}).items() if k in EXTRAS}
            if old and field["name"] not in before and old["since"] != version:
                extras = {"since": version}
            fields.append({**field, **extras})
        entry["fields"] = fields
    return entry


def _allowed(entry, old):
    """Whether a released declaration may become this one."""
    now, then = strip(entry, EXTRAS | TEXT), strip(old, EXTRAS | TEXT)
    if entry["kind"] == "struct" and old["kind"] == "struct":
        return now["fields"][: len(then["fields"])] == then["fields"] and now.get("tag") == then.get("tag")
    if entry["kind"] == "macro" and old["kind"] == "macro":
        return True  # an initializer follows its struct; it is compiled into the host
    return now == then


def differences(headers, declarations, description):
    """What the headers and the description say differently, as readable lines."""
    found = [
        f"{e['header']}: {e['name']}: its comment says no {lacks}"
        for e in declarations
        if e["kind"] == "function"
        for key, lacks in (("doc", "word"), ("thread", "thread tag (immutable, any-thread or one-at-a-time)"))
        if not e[key]
    ]
    there, here = {e["name"]: e for e in declarations}, {e["name"]: e for e in description["declarations"]}
    for name in there:
        if name not in here:
            found.append(f"{there[name]['header']}: {name} is not in the description")
    for name, entry in here.items():
        if name not in there:
            found.append(f"{entry['header']}: {name} is in the description, and no header has it")
            continue
        now, then = strip(there[name], EXTRAS), strip(entry, EXTRAS)
        for key in sorted(set(now) | set(then)):
            if now.get(key) == then.get(key):
                continue
            if isinstance(now.get(key), list) and isinstance(then.get(key), list):
                a, b = ([json.dumps(x, ensure_ascii=False) for x in side[key]] for side in (now, then))
                lines = [f"    header      {x}" for x in a if x not in b] + [f"    description {x}" for x in b if x not in a]
                found.append(f"{there[name]['header']}: {name}: {key} differ:\n" + "\n".join(lines or ["    in their order"]))
            else:
                found.append(
                    f"{there[name]['header']}: {name}: {key}:\n    header      {now.get(key)!r}\n"
                    f"    description {then.get(key)!r}"
                )
    if not found and [e["name"] for e in declarations] != [e["name"] for e in description["declarations"]]:
        found.append("the order of the declarations differs")
    if headers != description["headers"]:
        found.append("comments at the head of a file or section differ")
    return found


def bring_up_to_date(headers, declarations, description, version):
    """The description with what the headers have now. Raises Refused with every released thing that would change."""
    old = {entry["name"]: entry for entry in description["declarations"]}
    known = {entry["name"] for entry in declarations if entry["kind"] == "struct"}
    refused, merged = [], []
    for entry in declarations:
        before = old.get(entry["name"])
        if before and before["since"] != version and not _allowed(entry, before):
            refused.append(f"{entry['header']}: {entry['name']} was released in {before['since']} and would change")
        merged.append(_complete(entry, before if before and before["kind"] == entry["kind"] else None, version, known))
    names = {entry["name"] for entry in declarations}
    for entry in description["declarations"]:
        if entry["name"] not in names and entry["since"] != version:
            refused.append(f"{entry['header']}: {entry['name']} was released in {entry['since']} and would go")
    if refused:
        raise Refused("\n".join(refused))
    functions = [entry for entry in merged if entry["kind"] == "function"]
    taken = 1 + max((f["api_slot"] for f in functions if f["since"] != version), default=-1)
    fresh = sorted(
        (f for f in functions if f["since"] == version), key=lambda f: f["api_slot"] if f["api_slot"] >= 0 else len(merged) * 2
    )
    for slot, entry in enumerate(fresh, taken):
        entry["api_slot"] = slot
    return {"name": "aipipe", "headers": headers, "declarations": merged}


def layout(struct):
    """(size, [(field, offset)]) where pointers and longs have 8 bytes. Raises Refused on implicit padding in a struct of ours."""
    offset, fields, widest = 0, [], 1
    for field in struct["fields"]:
        kind = field.get("type", "*")
        size = 8 if "*" in kind or "callback" in field or kind.endswith("_fn") else SCALARS[kind]
        if offset % size:
            raise Refused(
                f"{struct['name']}.{field['name']}: {size - offset % size} bytes of implicit padding before it; name them"
            )
        fields.append((field["name"], offset))
        offset += size
        widest = max(widest, size)
    if offset % widest:
        raise Refused(f"{struct['name']}: {widest - offset % widest} bytes of implicit padding at its end; name them (reserved)")
    return offset, fields
