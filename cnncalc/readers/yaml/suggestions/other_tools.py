"""Network files of other tools that may be taken for a specification: what they are, and what to do with them.

Imported when a file was refused, and not before.
"""

from __future__ import annotations

import re

from cnncalc.problem import Problem, Source, Where
from cnncalc.text import show

# a line by which a file is known, and what it must hold besides
_CAFFE = re.compile(r"^[ \t]*layers?[ \t]*\{", re.MULTILINE)
_CAFFE_FIELD = re.compile(r"\b(?:bottom|top|input_param|convolution_param)[ \t]*[:{]")
_ULTRALYTICS = re.compile(r"^backbone:", re.MULTILINE)
_ULTRALYTICS_HEAD = re.compile(r"^head:", re.MULTILINE)
_ULTRALYTICS_ROW = re.compile(r"^[ \t]*-[ \t]*\[[ \t]*(?:-?[0-9]|\[)[-0-9, \]]{0,100}[ \t]*[A-Za-z_]", re.MULTILINE)
_LAYERS = re.compile(r"^layers:", re.MULTILINE)
_KERAS = re.compile(r"^class_name: *[\"']?(?:Sequential|Functional|Model)\b", re.MULTILINE)


def of_another_tool(source: Source) -> Problem | None:
    """What to say of a file of another tool; None where it is not known as one."""
    text, path = source.text, show(source.path)
    found = _CAFFE.search(text)
    if found and _CAFFE_FIELD.search(text):
        said = f"{path} is a network of Caffe, which cnncalc does not read"
        help = (
            "convert it to ONNX, or write its layers as a specification: `cnncalc new` prints an example, and "
            "`cnncalc explain` lists the layers"
        )
        return Problem("bad-file", said, help, where=_where(source, found))
    found = _ULTRALYTICS.search(text)
    if found and _ULTRALYTICS_HEAD.search(text) and _ULTRALYTICS_ROW.search(text) and not _LAYERS.search(text):
        said = f"{path} is a network of Ultralytics YOLO, whose layers are code of the package ultralytics"
        help = (
            f"with ultralytics installed: `cnncalc analyze torch:ultralytics.nn.tasks:DetectionModel --arg cfg={path} "
            "--input 640x640x3`"
        )
        return Problem("bad-file", said, help, where=_where(source, found))
    found = _KERAS.search(text)
    if found and re.search(r"^config:", text, re.MULTILINE):
        said = f"{path} is a model of Keras in YAML, which newer versions of Keras do not write"
        return Problem(
            "bad-file", said, "save the model's `to_json()`, and give that file", where=_where(source, found)
        )
    return None


def _where(source: Source, found: re.Match[str]) -> Where:
    start = found.start() + len(found[0]) - len(found[0].lstrip())
    return Where(source, source.text.count("\n", 0, start) + 1, start - source.text.rfind("\n", 0, start))
