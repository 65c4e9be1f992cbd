"""Extract the configuration from a `.keras` archive or the JSON of `to_json()`, checking limits before using memory.

Only `config.json` is read from an archive, never the weights. Nothing is written to disk or executed.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from typing import Any, BinaryIO

from cnncalc.problem import Problem, Refused
from cnncalc.readers.files import contents, decode, opened
from cnncalc.readers.keras.legacy import is_graph, topology, upgrade
from cnncalc.readers.limits import TRUSTED
from cnncalc.text import show

MOST_NESTING = 200
MOST_DIRECTORY = 4 * 2**20  # bytes of the list of files in an archive
# exceptions that zipfile raises for damaged archives
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, IndexError, OverflowError, OSError,
    NotImplementedError, RuntimeError,
)  # fmt: skip


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
            raise _refused(
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
        raise _refused(path, f"is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _refused(path, "is nested too deeply", code="too-large") from None
    except ValueError:
        raise _refused(path, "contains a number with too many digits", code="too-large") from None
    _check_nesting(top, path)
    if is_graph(top):
        help = "save it with `tensorflowjs_converter --output_format=tfjs_layers_model`, or export it as ONNX"
        raise _refused(path, "is a TensorFlow.js graph, which contains operations instead of Keras layers", help)
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
    return _refused(
        path,
        "does not contain a Keras model",
        "write `model.to_json()`, which has `class_name` and `config` at the top level",
    )


def _check_nesting(top: Any, path: str) -> None:
    level, depth = [top], 0
    while level:
        depth += 1
        if depth > MOST_NESTING:
            raise _refused(path, f"is nested deeper than {MOST_NESTING} levels", code="too-large")
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]


def _config(file: BinaryIO, path: str) -> str:
    most = TRUSTED.file_bytes
    if _directory_bytes(file) > MOST_DIRECTORY:
        raise _refused(path, "lists too many files", code="too-large")
    try:
        with zipfile.ZipFile(file) as archive:
            try:
                info = archive.getinfo("config.json")
            except KeyError:
                raise _refused(path, "has no `config.json`, so it is not a Keras archive") from None
            if info.flag_bits & 1:
                raise _refused(path, "is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _refused(path, "uses a compression method that Keras does not use")
            if info.file_size > most:
                raise _refused(
                    path,
                    f"has a `config.json` of {info.file_size:,} bytes; the limit is {most:,}",
                    code="too-large",
                )
            with archive.open(info) as inside:
                data = inside.read(most + 1)
    except DAMAGE as error:
        raise _refused(path, f"is a damaged zip archive ({show(error)})", "save it again") from None
    if len(data) > most:
        raise _refused(path, f"has a `config.json` of more than {most:,} bytes", code="too-large")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(path, "has a `config.json` that is not UTF-8", code="not-text") from None


def _directory_bytes(file: BinaryIO) -> int:
    """Return the stated size of the archive's list of files, or 0 without an end record, which zipfile reports."""
    size = file.seek(0, 2)
    file.seek(max(size - 65_557, 0))
    tail = file.read(65_557)
    place = tail.rfind(b"PK\x05\x06")
    file.seek(0)
    if place < 0 or len(tail) < place + 16:
        return 0
    return int.from_bytes(tail[place + 12 : place + 16], "little")


def _refused(path: str, what: str, help: str = "", code: str = "bad-file") -> Refused:
    return Refused([Problem(code, f"{show(path)} {what}", help)])
