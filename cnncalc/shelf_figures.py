"""The totals of the shipped architectures, from a table next to their files, so that they need no analysis.

Every row carries a checksum of its file. A file that is new or differs is analysed, so that a row is never out of date.
"""

from __future__ import annotations

import json
import os
from typing import Any
from zlib import crc32

from cnncalc import shelf
from cnncalc.problem import Source

TABLE = "figures.json"


def rows() -> list[dict[str, Any]]:
    """Return one row for each architecture: name, title, source, inputs, params, activations, macs and depth."""
    stored = _table()
    figures = []
    for name in shelf.every_name():
        path = shelf.path(name)
        assert path is not None
        with open(path, "rb") as stream:
            data = stream.read()
        row = stored.get(name)
        if row is None or row.pop("crc32", None) != crc32(data):
            row = compute_row(name, path, data)
        figures.append(row)
    return figures


def table_text() -> str:
    """Return the text of the table, computed from the files."""
    rows = []
    for name in shelf.every_name():
        path = shelf.path(name)
        assert path is not None
        with open(path, "rb") as stream:
            data = stream.read()
        rows.append(json.dumps({**compute_row(name, path, data), "crc32": crc32(data)}))
    return "[\n" + ",\n".join(rows) + "\n]\n"


def compute_row(name: str, path: str, data: bytes) -> dict[str, Any]:
    """Compute the row of one architecture from its file."""
    from cnncalc.analyses.totals import analyze
    from cnncalc.readers.yaml.reader import read

    network = read(Source(path, data.decode("utf-8")))
    total = analyze(network).totals
    return {
        "name": name,
        "title": network.name,
        "source": network.source,
        "inputs": {node.name: list(node.output) for node in network.inputs},
        "params": total.params,
        "activations": total.activations,
        "macs": total.macs,
        "depth": total.depth,
    }


def _table() -> dict[str, dict[str, Any]]:
    """Return the rows of the table by name; empty if it cannot be read."""
    try:
        with open(os.path.join(shelf.folder(), TABLE), encoding="utf-8") as stream:
            return {row["name"]: row for row in json.load(stream)}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
