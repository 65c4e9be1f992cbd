"""Recognize Caffe's networks in text without a suffix, for example on standard input."""

from __future__ import annotations

import re

_LAYER = re.compile(r"^[ \t]*layers?[ \t]*\{", re.MULTILINE)
_FIELD = re.compile(r"^[ \t]*(?:layers?[ \t]*\{[ \t\n]*)?(?:bottom|top|type|name)[ \t]*:", re.MULTILINE)


def recognizes(text: str) -> bool:
    """Return whether the text is a network of Caffe: it has a `layer { ... }` or `layers { ... }` with Caffe's fields.

    >>> recognizes('layer {\\n  name: "relu" bottom: "data" top: "data"\\n}'), recognizes("layers:\\n- pad: {bottom: 1}")
    (True, False)
    """
    return _LAYER.search(text) is not None and _FIELD.search(text) is not None
