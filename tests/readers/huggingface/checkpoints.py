"""Writes safetensors files without numbers: the header is real, and the data is a hole in the file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "BOOL": 1}


def header_of(tensors: Mapping[str, Sequence[int]], dtype: str = "F32") -> tuple[dict[str, Any], int]:
    """Return the entries of a header and the number of bytes that the tensors take."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, shape in tensors.items():
        size = WIDTHS[dtype]
        for length in shape:
            size *= length
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [place, place + size]}
        place += size
    return entries, place


def write(path: Path, tensors: Mapping[str, Sequence[int]], dtype: str = "F32") -> Path:
    """Write a file with these tensors."""
    entries, size = header_of(tensors, dtype)
    header = json.dumps(entries).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + size)
    return path
