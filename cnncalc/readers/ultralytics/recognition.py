"""Recognize Ultralytics' model files, whose suffix is that of specifications."""

from __future__ import annotations

import re

_BACKBONE = re.compile(r"^backbone:", re.MULTILINE)
_HEAD = re.compile(r"^head:", re.MULTILINE)
_LAYERS = re.compile(r"^layers:", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*(?:-[ \t]*)?\[(?:[ \t]*\[){0,2}[ \t]*-?[0-9][-0-9, \t\]]{0,100}[A-Za-z_]", re.MULTILINE)


def recognizes(text: str) -> bool:
    """Return whether the text has the lists `backbone` and `head` with rows of `[from, number, module, args]`.

    >>> recognizes("nc: 80\\nbackbone:\\n  - [-1, 1, Conv, [64, 3, 2]]\\nhead:\\n  - [[0], 1, Detect, [nc]]")
    True
    >>> recognizes("backbone: 1\\nhead: 2\\nlayers: [relu]")
    False
    """
    found = (_BACKBONE.search(text), _HEAD.search(text), _ROW.search(text))
    return all(found) and _LAYERS.search(text) is None
