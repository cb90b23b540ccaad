"""Reads a Markdown document as the script that it is: files to be written, and shell sessions with what they print.

A fenced block is one of these, in the order of the document:
  - a file: the line of text before the block ends with its name and a colon, as in "`train.c`:";
  - a session, ```console: lines that start with "$ " are commands (a last backslash goes on in the next line), the lines after one are
    what it prints on both streams. "..." stands for anything within a line, and alone on a line for any lines;
  - ```text: shown, not run.
Anything else is an error, so that no example is left out.
"""
import re

FENCE = re.compile(r"^```(\S*)\s*$")
NAMED = re.compile(r"`([\w./-]+)`[^`]*:$")


class Block:
    """kind: "file" (name, text) or "session" (a list of (command, expected lines))."""

    def __init__(self, kind, line, name=None, text=None, steps=None):
        self.kind, self.line, self.name, self.text, self.steps = kind, line, name, text, steps


def steps(lines, line):
    found, going_on = [], False
    for number, text in enumerate(lines, line + 1):
        if going_on:
            found[-1][0] += "\n" + text
        elif text.startswith("$ "):
            found.append([text[2:], []])
        elif not found:
            raise ValueError(f"line {number}: a session starts with a command")
        else:
            found[-1][1].append(text)
        going_on = (going_on or text.startswith("$ ")) and text.endswith("\\")
    return found


def read(document):
    """The blocks of a document's text."""
    blocks, before, fenced, line = [], "", None, 0
    for number, text in enumerate(document.splitlines(), 1):
        fence = FENCE.match(text)
        if fenced is None and fence:
            fenced, language, line = [], fence.group(1), number
        elif fenced is None:
            before = text.strip() or before
        elif text == "```":
            named = NAMED.search(before)
            if language == "console":
                blocks.append(Block("session", line, steps=steps(fenced, line)))
            elif language != "text" and named:
                blocks.append(Block("file", line, name=named.group(1), text="\n".join(fenced) + "\n"))
            elif language != "text":
                raise ValueError(f"line {line}: a block of {language or 'no language'} is neither a file, nor a session, nor text")
            fenced, before = None, ""
        else:
            fenced.append(text)
    if fenced is not None:
        raise ValueError(f"line {line}: a block that does not end")
    return blocks


def agrees(expected, printed):
    """Whether what was printed is what the document shows. Both are lists of lines."""
    pattern = ""
    for text in expected:
        if text.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in text.rstrip().split("...")) + r"\s*?\n"
    return re.fullmatch(pattern, "".join(text.rstrip() + "\n" for text in printed)) is not None
