"""Mark the values of a record whose channels come before their spatial axes."""

from __future__ import annotations

from cnncalc.readers.aten.events import Trace
from cnncalc.readers.aten.layers import HANDLERS as LAYERS
from cnncalc.readers.aten.windows import HANDLERS as WINDOWS

# operations that read their input channels first, and operations whose inputs are channels first if their outputs are
FIRST = frozenset((
    *(name for name in WINDOWS if name != "pad"), *(name for name in LAYERS if "upsample" in name), "batch_norm",
    "instance_norm", "group_norm", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "grid_sampler",
))  # fmt: skip
PASSED_ON = frozenset((
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardswish", "hardsigmoid",
    "hardtanh", "softplus", "prelu", "dropout", "feature_dropout", "add", "sub", "mul", "div", "cat", "pad", "slice",
    "chunk", "split", "split_with_sizes", "contiguous", "clone", "to", "detach", "", "roll", "clamp", "maximum", "minimum",
))  # fmt: skip


def mark_channels_first(record: Trace) -> None:
    """Mark the values that operations read channels first."""
    for event in reversed(record.events):
        if event.op in FIRST:
            for var in event.inputs[:1]:
                var.channels_first = True
        elif event.op in PASSED_ON and any(out.channels_first and len(out.dims) > 2 for out in event.outs):
            for var in event.inputs:
                var.channels_first = var.channels_first or len(var.dims) == len(event.out.dims)
