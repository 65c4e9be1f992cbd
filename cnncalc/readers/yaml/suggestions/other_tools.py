"""Network files of other tools that look like a specification, with advice on how to read them.

Imported only after a file was refused, to keep the start fast.
"""

from __future__ import annotations

import re

from cnncalc.problem import Problem, Source, Where
from cnncalc.text import show

# for each tool, a line that marks its files, and what else they must contain
_CAFFE = re.compile(r"^[ \t]*layers?[ \t]*\{", re.MULTILINE)
_CAFFE_FIELD = re.compile(r"\b(?:bottom|top|input_param|convolution_param)[ \t]*[:{]")
_ULTRALYTICS = re.compile(r"^backbone:", re.MULTILINE)
_ULTRALYTICS_HEAD = re.compile(r"^head:", re.MULTILINE)
_ULTRALYTICS_ROW = re.compile(r"^[ \t]*-[ \t]*\[[ \t]*(?:-?[0-9]|\[)[-0-9, \]]{0,100}[ \t]*[A-Za-z_]", re.MULTILINE)
_LAYERS = re.compile(r"^layers:", re.MULTILINE)
_KERAS = re.compile(r"^class_name: *[\"']?(?:Sequential|Functional|Model)\b", re.MULTILINE)
LONGEST_PATH = 1000  # in a command to copy, which must name the whole path


def file_of_another_tool(source: Source) -> Problem | None:
    """The problem for a network file of another tool. None if the file does not look like one."""
    written, path = source.text, show(source.path)
    match = _CAFFE.search(written)
    if match and _CAFFE_FIELD.search(written):
        text = f"{path} is a Caffe network instead of a specification"
        named = source.path.lower().endswith(".prototxt")
        file = show(source.path, LONGEST_PATH) if named else "net.prototxt"
        help = f"{'' if named else 'save it as `net.prototxt` and '}convert it with `cnncalc import {file} -o net.yaml`"
        return Problem("bad-file", text, help, where=_where(source, match))
    match = _ULTRALYTICS.search(written)
    if match and _ULTRALYTICS_HEAD.search(written) and _ULTRALYTICS_ROW.search(written) and not _LAYERS.search(written):
        text = f"{path} is an Ultralytics YOLO network instead of a specification"
        help = f"convert it with `cnncalc import {show(source.path, LONGEST_PATH)} -o net.yaml`"
        return Problem("bad-file", text, help, where=_where(source, match))
    match = _KERAS.search(written)
    if match and re.search(r"^config:", written, re.MULTILINE):
        text = f"{path} is a Keras model in YAML, a format that Keras no longer writes"
        help = "save the output of the model's `to_json()` as a `.json` file, and pass that file"
        return Problem("bad-file", text, help, where=_where(source, match))
    return None


def _where(source: Source, match: re.Match[str]) -> Where:
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    return Where(source, source.text.count("\n", 0, start) + 1, start - source.text.rfind("\n", 0, start))
