"""docs/reference/catalogue.md: every stage, model, metric, operator, format and connector with its parameters, from the
library itself (`aipipe catalog --json`).
"""

import json
import re

from c_out import NOTE

KINDS = (
    ("operator", "Operators of tasks"),
    ("stage", "Stages"),
    ("model", "Models"),
    ("metric", "Metrics"),
    ("format", "Formats"),
    ("connector", "Connectors"),
)
ROWS = {"same": "One row out for each row in: may stand in a package.", "fewer": "Drops rows.", "other": "Adds or reorders rows."}


def _cell(text):
    """Text in a table: what is Markdown's stays as it was meant."""
    parts = re.split(r"(`[^`]*`)", re.sub(r"\s+", " ", text))
    return "".join(
        part.replace("|", r"\|") if part.startswith("`") else re.sub(r"([<>*_|\[\]])", r"\\\1", part) for part in parts
    )


def _bound(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values(parameter):
    """The values that a parameter takes, beyond its type."""
    if "choices" in parameter:
        return ", ".join(f"`{choice}`" for choice in parameter["choices"])
    low, high = parameter.get("minimum"), parameter.get("maximum")
    parts = []
    if low is not None and low > -1e300:  # the largest number is no bound
        parts.append(("> " if parameter.get("minimum_excluded") else "≥ ") + _bound(low))
    if high is not None and high < 1e300:
        parts.append(("< " if parameter.get("maximum_excluded") else "≤ ") + _bound(high))
    return ", ".join(parts)


def _entry(entry):
    out = [f'<a id="{entry["kind"]}-{entry["name"]}"></a>\n', f"### {entry['name']}\n", _cell(entry["doc"]) + "\n"]
    notes = []
    if entry["kind"] == "stage":
        notes.append(ROWS[entry["rows"]])
    if entry.get("inputs"):
        inputs = entry["inputs"] if isinstance(entry["inputs"], list) else str(entry["inputs"]).split("|")
        notes.append("Input tables: " + ", ".join(f"`{name}`" for name in inputs) + ".")
    if entry.get("shorthand"):
        notes.append(f"`{entry['name']}: VALUE` means `{entry['name']}: {{{entry['shorthand']}: VALUE}}`.")
    if notes:
        out.append(" ".join(notes) + "\n")
    if entry.get("params"):
        out.append("| parameter | type | default | values | |\n| --- | --- | --- | --- | --- |")
        for parameter in entry["params"]:
            kind = parameter["type"] + (" or null" if parameter.get("nullable") else "")
            text = json.dumps(parameter.get("default"), ensure_ascii=False).replace("|", r"\|")
            default = "*required*" if parameter.get("required") else f"`{text}`"
            name = "*any other*" if parameter["name"] == "*" else f"`{parameter['name']}`"
            out.append(f"| {name} | {kind} | {default} | {_values(parameter)} | {_cell(parameter['doc'])} |")
        out.append("")
    return "\n".join(out)


def reference(entries):
    unknown = {entry["kind"] for entry in entries} - {kind for kind, _ in KINDS}
    if unknown:
        raise SystemExit(f"api: kinds that the reference has no chapter for: {', '.join(sorted(unknown))}")
    out = [
        "# Catalogue\n",
        "Everything that has a name and parameters. The same names and parameters hold in C, in DAG files, in Python and at "
        "the shell "
        f"(`aipipe catalog NAME`).\n{NOTE.replace('bindings/api/aipipe.json', '`aipipe catalog --json`')}\n",
    ]
    for kind, title in KINDS:
        names = [entry["name"] for entry in entries if entry["kind"] == kind]
        out.append(f"- [{title}](#{kind}): " + ", ".join(f"[{name}](#{kind}-{name})" for name in names))
    out.append("")
    for kind, title in KINDS:
        out.append(f'<a id="{kind}"></a>\n\n## {title}\n')
        out += [_entry(entry) for entry in entries if entry["kind"] == kind]
    return "\n".join(out)
