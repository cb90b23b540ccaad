"""docs/reference/c.md: the C reference, from the headers' own comments, grouped by header and section."""

import re

from c_out import NOTE, prototype

ORDER = [
    "base.h",
    "exec.h",
    "data.h",
    "catalog.h",
    "stage.h",
    "model.h",
    "metrics.h",
    "package.h",
    "validate.h",
    "dag.h",
    "bytes.h",
]  # as a reader meets them


def _links(text, names):
    """A comment as Markdown: code stays as it is, every name of the API is a link, the rest is escaped."""
    out = []
    for piece in re.split(r"(`[^`]*`|\b(?:aip|AIP)_\w+)", text):
        word = piece.strip("`")
        if word in names:
            out.append(f"[`{word}`](#{word.lower()})")
        elif piece.startswith("`") or re.fullmatch(r"(?:aip|AIP)_\w+", piece):
            out.append(f"`{word}`")
        else:
            out.append(re.sub(r"([<>*_|\[\]])", r"\\\1", piece))
    return "".join(out)


def _entry(entry, names):
    out = [f'<a id="{entry["name"].lower()}"></a>\n']
    kind = entry["kind"]
    if kind == "function":
        out.append(f"```c\n{prototype(entry, entry['name'])};\n```\n")
        notes = [f"since {entry['since']}", entry["stability"]]
    elif kind == "callback":
        out.append(f"```c\ntypedef {prototype(entry, '(*' + entry['name'] + ')')};\n```\n")
        notes = [f"since {entry['since']}"]
    elif kind == "handle":
        out.append(f"```c\ntypedef struct {entry['name']} {entry['name']};\n```\n")
        notes = [f"since {entry['since']}"]
    else:
        tag = "struct " if entry.get("tag") else ""
        out.append(f"**{tag}{entry['name']}**\n")
        notes = [f"since {entry['since']}"]
    if entry["doc"]:
        out.append(_links(entry["doc"], names) + "\n")
    if kind == "struct":
        out.append("| field | type | |\n| --- | --- | --- |")
        for field in entry["fields"]:
            shown = prototype(field["callback"], "(*)") if "callback" in field else field["type"]
            doc = _links(re.sub(r"\s+", " ", field["doc"]), names)
            out.append(
                f"| `{field['name']}` | `{shown}` | {doc}{' (since ' + field['since'] + ')' if 'since' in field else ''} |"
            )
        out.append("")
    out.append(f"*{', '.join(notes)}*\n")
    return "\n".join(out)


def c_reference(description):
    names = {entry["name"] for entry in description["declarations"]}
    headers = {header["name"]: header for header in description["headers"]}
    order = [name for name in ORDER if name in headers] + [name for name in headers if name not in ORDER]
    out = ["# C reference\n", f"From the comments of the public headers. `#include <aipipe/aipipe.h>` has them all. {NOTE}\n"]
    out.append(
        "\n".join(f"- [aipipe/{name}](#{name.replace('.', '-')}): {_links(_headline(headers[name]), names)}" for name in order)
        + "\n"
    )
    for name in order:
        out.append(f'<a id="{name.replace(".", "-")}"></a>\n\n## aipipe/{name}\n\n{_links(headers[name]["doc"], names)}\n')
        sections = {s["title"]: s["doc"] for s in headers[name]["sections"]}
        seen, constants = None, []
        for entry in [e for e in description["declarations"] if e["header"] == name] + [None]:
            if constants and (not entry or entry["kind"] not in ("constant", "macro") or entry["section"] != seen):
                out.append("| macro | value | |\n| --- | --- | --- |")
                out += [
                    f'| <a id="{c["name"].lower()}"></a>`{c["name"]}{c.get("parameters", "")}` | '
                    f'{"`" + str(c["value"]) + "`" if "value" in c else ""} | '
                    f"{_links(re.sub(r'[ ]*' + chr(10), ' ', c['doc']), names)} |"
                    for c in constants
                ]
                out.append("")
                constants = []
            if not entry:
                break
            if entry["section"] != seen:
                seen = entry["section"]
                if seen:
                    out.append(f"### {seen}\n")
                    if sections[seen] and sections[seen] != entry["doc"]:
                        out.append(_links(sections[seen], names) + "\n")
            if entry["kind"] in ("constant", "macro"):
                constants.append(entry)
            else:
                out.append(_entry(entry, names))
    return "\n".join(out)


def _headline(header):
    text = re.sub(r"\s+", " ", header["doc"])
    text = text.partition(": ")[2] or text
    return re.split(r"(?<=[^.]\.) |: ", text)[0]
