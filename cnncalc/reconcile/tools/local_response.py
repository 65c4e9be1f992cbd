"""Local response normalization, which PyTorch builds from operations that tools count one by one."""

from __future__ import annotations

from collections.abc import Iterable

from cnncalc.reconcile.calls import Call
from cnncalc.reconcile.rules import Part


def local_response(call: Call) -> Iterable[Part]:
    """A square, a scaling and an addition per element, and an average pooling over channels padded by the window."""
    size, channels = call.field("size"), call.output[-1]
    yield Part(3, call.outputs, "lrn outputs")
    yield Part(1, call.positions * (channels + size - 1), "padded inputs of lrn")
