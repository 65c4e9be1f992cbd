"""Find dilated convolutions that old converters wrote as SPACE_TO_BATCH_ND, a plain convolution, BATCH_TO_SPACE_ND."""

from __future__ import annotations

from typing import Any

from cnncalc.readers.tflite.graph import Operation, Scope, Value
from cnncalc.readers.tflite.model import OperatorInfo

_PLAIN = {"padding": 1, "stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1}


class Dilated:
    """A convolution of `x` whose dilation and padding other operators do. `last` has its result."""

    def __init__(
        self, x: Value, convolution: OperatorInfo, last: OperatorInfo, dilation: list[int], cells: list[int]
    ) -> None:
        self.x = x
        self.convolution = convolution
        self.last = last
        self.dilation = dilation
        self.cells = cells

    def fields(self, kernel: list[int]) -> dict[str, Any]:
        """Return kernel, pad and dilation of the layer."""
        pad: Any = dict(zip(("top", "bottom", "left", "right"), self.cells, strict=True))
        reaches = [d * (k - 1) for d, k in zip(self.dilation, kernel, strict=True)]
        if self.cells == [cells for reach in reaches for cells in (reach // 2, reach - reach // 2)]:
            pad = "same"
        return {"kernel": tuple(kernel), "stride": 1, "dilation": tuple(self.dilation), "pad": pad}


def find_dilation(step: Operation, x: Value, block: list[int], cells: list[int]) -> Dilated | None:
    """Return the dilated convolution that a SPACE_TO_BATCH_ND starts, or None if it starts none."""
    scope = step.scope
    convolution = _only_user(scope, step.info)
    if x.index is None or len(block) != 2 or len(x.dims) != 4 or x.dims[0] != 1 or convolution is None:
        return None
    if convolution.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D") or convolution.inputs[0] != step.info.outputs[0]:
        return None
    if any(convolution.options[name] != value for name, value in _PLAIN.items()):
        return None
    last = _only_user(scope, convolution)
    if last is None or last.kind != "BATCH_TO_SPACE_ND" or len(last.inputs) != 3:
        return None
    same_block, crops = (scope.values.get(place) for place in last.inputs[1:])
    if same_block is None or crops is None or list(same_block.numbers or ()) != block or crops.numbers is None:
        return None
    left = [cell - cut for cell, cut in zip(cells, crops.numbers, strict=False)]
    if len(left) != 4 or min(left) < 0:
        return None
    return Dilated(x, convolution, last, block, left)


def _only_user(scope: Scope, info: OperatorInfo) -> OperatorInfo | None:
    """Return the only operator that reads the result of one, if nothing else does."""
    if len(info.outputs) != 1 or info.outputs[0] in scope.outputs:
        return None
    users = scope.users.get(info.outputs[0], [])
    return users[0] if len(users) == 1 else None
