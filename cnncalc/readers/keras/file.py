"""Extract the configuration from a `.keras` archive or the JSON of `to_json()`, checking limits before using memory.

Only `config.json` is read from an archive, never the weights. Nothing is written to disk or executed.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from cnncalc.problem import Refused
from cnncalc.readers.archives import Archive, refuse
from cnncalc.readers.files import contents, decode, opened
from cnncalc.readers.keras.legacy import is_graph, topology, upgrade
from cnncalc.readers.limits import TRUSTED

MOST_NESTING = 200


def load(path: str) -> dict[str, Any]:
    """Return the configuration of the model in a file.

    Raises:
        Refused: The archive or its JSON has a mistake.
        OSError: The file cannot be opened.
    """
    with opened(path) as file:
        start = file.read(4)
        file.seek(0)
        if start[:2] == b"PK":
            return parse(_config(file, path), path)
        if path.lower().endswith(".keras"):
            what = "an HDF5 file of Keras 2" if start == b"\x89HDF" else "not a zip archive"
            raise refuse(
                path,
                f"is {what}",
                "save the model with Keras 3, `model.save('model.keras')`, or write its `to_json()` to a file",
            )
        text = decode(contents(file, TRUSTED.file_bytes), path).text
    return parse(text, path)


def parse(text: str, path: str) -> dict[str, Any]:
    """Parse JSON text into a configuration.

    Raises:
        Refused: `bad-file` or `too-large`.
    """
    try:
        top = json.loads(text)
    except json.JSONDecodeError as error:
        raise refuse(path, f"is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise refuse(path, "is nested too deeply", code="too-large") from None
    except ValueError:
        raise refuse(path, "contains a number with too many digits", code="too-large") from None
    _check_nesting(top, path)
    if is_graph(top):
        help = "save it with `tensorflowjs_converter --output_format=tfjs_layers_model`, or export it as ONNX"
        raise refuse(path, "is a TensorFlow.js graph, which contains operations instead of Keras layers", help)
    top = topology(top)
    if isinstance(top, str):  # written by json.dumps(model.to_json())
        if top.startswith('"'):
            raise _no_model(path)
        return parse(top, path)
    upgrade(top)
    if not isinstance(top, dict) or not isinstance(top.get("class_name"), str) or "config" not in top:
        raise _no_model(path)
    config: dict[str, Any] = top
    return config


def _no_model(path: str) -> Refused:
    return refuse(
        path,
        "does not contain a Keras model",
        "write `model.to_json()`, which has `class_name` and `config` at the top level",
    )


def _check_nesting(top: Any, path: str) -> None:
    level, depth = [top], 0
    while level:
        depth += 1
        if depth > MOST_NESTING:
            raise refuse(path, f"is nested deeper than {MOST_NESTING} levels", code="too-large")
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]


def _config(file: BinaryIO, path: str) -> str:
    archive = Archive(file, path, "Keras")
    if "config.json" not in archive.names:
        raise refuse(path, "has no `config.json`, so it is not a Keras archive")
    try:
        return archive.read("config.json", TRUSTED.file_bytes).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse(path, "has a `config.json` that is not UTF-8", code="not-text") from None
