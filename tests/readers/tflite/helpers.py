"""Read the bytes of a TFLite file in a test."""

from __future__ import annotations

from typing import Any

from cnncalc.network import Network
from cnncalc.readers.limits import TRUSTED
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.reader import read_bytes


def read(data: bytes, **options: Any) -> Network:
    """Return the network in a file. `options` are those of the readers."""
    values = {"inputs": {}, "dims": {}, **options}
    return read_bytes(data, "net.tflite", ReaderOptions(**values), TRUSTED)
