"""Limits on the size of an input."""

from __future__ import annotations

from cnncalc.record import Record


class Limits(Record):
    """Limits on one specification. Each is checked before the memory or time that it limits is used."""

    file_bytes: int = 16 * 2**20
    nodes: int = 1_000_000
    nesting: int = 64
    scalar: int = 1000
    key: int = 64
    name: int = 100
    steps: int = 1_000_000
    tensor: int = 2**50
    computed: int = 2**22  # numbers that are computed from constants in an ONNX model
    findings: int = 20
    stated: bool = True  # whether the file may state costs and parameters of a layer (`operator`, `holds`)


TRUSTED = Limits()
UNTRUSTED = Limits(
    file_bytes=256 * 2**10, nodes=20_000, nesting=32, steps=10_000, tensor=2**40, computed=2**20, stated=False
)
