"""manpage.py CLI.md VERSION OUT: the page of the manual about the command, as a man page, so that there is one text to keep.

Takes what docs/cli.md uses of Markdown: headings, paragraphs, lists, fenced blocks, tables of which the first column names things, `code`, links.
"""
import re
import sys


def plain(text):
    """Text for roff: its own escapes, and no line that begins with a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\`")
    return re.sub(r"^([.])", r"\\&\1", text)


def inline(text):
    """A link is its text; code is bold."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"`([^`]+)`", text)
    return "".join("\\fB" + plain(part) + "\\fR" if i % 2 else plain(part) for i, part in enumerate(parts)).strip()


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def blocks(document):
    """Runs of lines that belong together: a fenced block, or what stands between empty lines."""
    found, fenced = [[]], False
    for line in document.split("\n"):
        if line.startswith("```") or (not line and not fenced):
            if not line or not fenced:
                found.append([])
            fenced = fenced != line.startswith("```")
        if line or fenced:
            found[-1].append(line)
    return [block for block in found if block]


def page(document, version):
    out = [f'.TH AIPIPE 1 "" "aipipe {version}" "User Commands"', ".SH NAME", "aipipe \\- data pipelines from raw files to predictions",
           ".SH SYNOPSIS", ".B aipipe", ".I COMMAND", "[options] ...", ".br", ".B aipipe", ".I COMMAND", "\\-\\-help", ".SH DESCRIPTION"]
    for lines in blocks(document):
        if lines[0].startswith("# "):  # the title: NAME says it
            continue
        if lines[0].startswith("## "):
            out.append(".SH " + plain(lines[0][3:].upper()))
        elif lines[0].startswith("```"):
            out += [".PP", ".nf", *(plain(line) or ".sp" for line in lines[1:-1]), ".fi"]
        elif lines[0].startswith("|"):
            for row in lines[2:]:
                first, *rest = cells(row)
                out += [".TP", inline(first), *(inline(cell) for cell in rest)]
        elif lines[0].startswith("- "):
            for item in re.split(r"\n- ", "\n" + "\n".join(lines))[1:]:
                out += [".IP \\(bu 2", inline(" ".join(item.split()))]
        else:
            out += [".PP", inline(" ".join(lines))]
    out += [".SH SEE ALSO", "The options and examples of each command: \\fBaipipe COMMAND \\-\\-help\\fR. What a DAG file can name:",
            "\\fBaipipe catalog\\fR."]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as stream:
        text = page(stream.read(), sys.argv[2])
    with open(sys.argv[3], "w", encoding="utf-8") as stream:
        stream.write(text)
