"""Recognize the JSON of Keras models, whose suffix is also that of specifications."""

from __future__ import annotations

import json
import re

from cnncalc.readers.keras.legacy import is_graph, topology

_TOP = re.compile(r'\A\s*[{"]')


def recognizes(text: str) -> bool:
    """Return whether the text is the JSON of a Keras model: a mapping with `class_name` and `config` at the top level.

    It may be encoded twice, as `json.dumps(model.to_json())` does, or be part of a TensorFlow.js model.

    >>> recognizes('{"class_name": "Sequential", "config": {"layers": []}}'), recognizes('{"input": "8x8x3"}')
    (True, False)
    """
    if not _TOP.match(text) or not ("class_name" in text or "modelTopology" in text):
        return False
    try:
        top = json.loads(text)
        if isinstance(top, str) and _TOP.match(top):
            top = json.loads(top)
    except (ValueError, RecursionError):
        return '"class_name"' in text[:2000]  # for broken JSON, the reader reports the error
    model = topology(top)
    return (
        is_graph(top) or isinstance(model, str) or (isinstance(model, dict) and {"class_name", "config"} <= set(model))
    )
