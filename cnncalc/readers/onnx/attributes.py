"""The types that ONNX requires of an operator's attributes.

They are checked before a rule reads an attribute, so that a wrong type is reported as a mistake in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

NAMES = {
    1: "a number", 2: "a whole number", 3: "text", 4: "a tensor", 5: "a graph", 6: "a list of numbers",
    7: "a list of whole numbers", 8: "a list of texts",
}  # fmt: skip
_WHOLE = (
    "K N allowzero axis batch_axis bits block_size blocksize ceil_mode channels_last end fmod group is_causal k keepdims "
    "kv_num_heads layout noop_with_empty_axes num_groups num_heads num_outputs q_num_heads size start time_axis transA transB "
    "transBatchA transBatchB"
)
_LISTS = (
    "axes dilations ends kernel_shape output_padding output_shape paddings pads perm qkv_hidden_sizes shape split starts "
    "steps strides"
)
TYPES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_WHOLE.split(), (2,)),
    **dict.fromkeys(_LISTS.split(), (7,)),
    **dict.fromkeys(("alpha", "beta", "bias", "epsilon", "lambd", "max", "min", "ratio", "scale", "softcap"), (1,)),
    **dict.fromkeys(("auto_pad", "direction", "equation", "keep_aspect_ratio_policy", "mode"), (3,)),
    **dict.fromkeys(("then_branch", "else_branch", "body"), (5,)),
    "scales": (6,),
    "to": (2, 3),
}
ELSEWHERE: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("ConstantOfShape", "value"): (4,), ("LRN", "bias"): (1,), ("Upsample", "mode"): (3,), ("Pad", "value"): (1,),
}  # fmt: skip


class Named(NamedTuple):
    """The name and the type of an attribute."""

    name: str
    type: int


def wrong_type(op: str, attribute: Named) -> str:
    """Return what is wrong with the type of an attribute; empty if it is right."""
    kinds = ELSEWHERE.get((op, attribute.name)) or TYPES.get(attribute.name)
    if kinds is None or attribute.type in kinds:
        return ""
    has = NAMES.get(attribute.type, "of another type")
    return f"its attribute `{attribute.name}` is {has}, not {NAMES[kinds[0]]}"
