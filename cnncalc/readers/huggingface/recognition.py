"""Recognizes the `config.json` of transformers by its content."""

from __future__ import annotations

import json


def recognizes(text: str) -> bool:
    """Return whether the text is a mapping in JSON with `model_type` at its top level.

    >>> recognizes('{"model_type": "bert"}'), recognizes('{"input": "8x8x3", "layers": ["model_type"]}')
    (True, False)
    """
    if not text.lstrip().startswith("{"):
        return False
    try:
        top = json.loads(text)
    except (ValueError, RecursionError):
        return '"model_type"' in text  # the reader reports the error
    return isinstance(top, dict) and "model_type" in top and "layers" not in top
