"""Codes about the text of a file: its characters, its YAML and its size."""

from __future__ import annotations

from cnncalc.codes.page import Code

CODES = {
    "bad-character": Code(
        "The file contains an invisible character, such as a control character, a byte order mark in the middle of "
        "the file, or an unusual line break (U+2028). YAML readers disagree about what these mean, so cnncalc "
        "refuses them.",
        note="the character would be invisible on this page",
    ),
    "bad-file": Code(
        "The file is not an architecture. It must be a YAML mapping with at least the keys `input` and `layers`.",
        "- conv: {filters: 6, kernel: 5}\n- relu\n",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - relu
""",
    ),
    "bad-key": Code(
        "A list or a mapping is used as a key. Every key must be a word.",
        "input: 32x32x1\nlayers:\n  - {[conv, relu]: 6}\n",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - relu
""",
    ),
    "bad-yaml": Code(
        "The file is not valid YAML. Common causes are a missing space after a colon or a dash, an unclosed "
        "bracket or quote, and a line that is indented too far.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - maxpool: 2
      repeat: 2
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - maxpool: 2
    repeat: 2
""",
    ),
    "duplicate-key": Code(
        "A key appears twice in the same mapping. Many YAML readers silently keep the last value, so cnncalc asks "
        "you to choose one.",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6, kernel: 5, filters: 16}\n",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 16, kernel: 5}\n",
    ),
    "empty-file": Code(
        "The file is empty, or contains only comments.",
        "# the architecture goes here\n",
        "input: 32x32x1\nlayers:\n  - fc: 10\n",
    ),
    "no-anchors": Code(
        "YAML anchors (`&a`), aliases (`*a`) and merge keys (`<<`) are not supported, because a few of them can "
        "make a small file expand to a huge one. Use `blocks`, `defaults` or `params` instead.",
        """\
input: 32x32x3
layers:
  - conv: &first {filters: 6, kernel: 3}
  - conv: *first
""",
        """\
input: 32x32x3
defaults: {conv: {filters: 6, kernel: 3}}
layers:
  - conv
  - conv
""",
    ),
    "no-tabs": Code(
        "The file is indented with tabs. YAML allows only spaces. Most editors can insert spaces when you press "
        "the tab key.",
        "input: 32x32x1\nlayers:\n\t- fc: 10\n",
        "input: 32x32x1\nlayers:\n  - fc: 10\n",
    ),
    "no-tags": Code(
        "YAML tags (`!!int`, `!!python/object`) and directives (`%YAML`) are not supported, because they make some "
        "readers build arbitrary objects from text.",
        """\
input: 32x32x1
layers:
  - fc: !!int "10"
""",
        "input: 32x32x1\nlayers:\n  - fc: 10\n",
    ),
    "not-regular": Code(
        "The path is not a regular file. cnncalc does not read folders, pipes or devices, because reading a pipe "
        "or a device may never end. `cnncalc check` does not follow links either, because a link may lead out of "
        "the folder being checked.",
        note="the error depends on the type of the file, not on its contents",
    ),
    "not-text": Code(
        "The file is not UTF-8 text. Save it again as UTF-8. Most editors have a setting named `encoding` in their "
        "save dialog.",
        note="the bytes cannot be shown on a page of text",
    ),
    "second-document": Code(
        "The line `---` starts a second YAML document. A file describes one network.",
        """\
input: 32x32x1
layers:
  - fc: 10
---
input: 28x28x1
layers:
  - fc: 10
""",
        "input: 32x32x1\nlayers:\n  - fc: 10\n",
    ),
    "too-large": Code(
        "Something exceeds a limit, such as the size of the file, the length of a word, the nesting, the number of "
        "steps or the size of a tensor. The limits stop a small file from using up all your time or memory.",
        """\
input: 32x32x3
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, repeat: 1000000000}
""",
        """\
input: 32x32x3
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, repeat: 100}
""",
    ),
    "too-many": Code(
        "The file has more errors than cnncalc shows. Fix the first ones, because the others may be caused by them.",
        note="it is reported only after twenty other errors",
    ),
}
