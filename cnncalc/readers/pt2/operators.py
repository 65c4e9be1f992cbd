"""Give the operators of all versions of PyTorch the names and arguments that the rules in `readers.aten` know.

A program after `run_decompositions()` has other operators than before: `convolution` instead of `conv2d`,
`native_layer_norm` instead of `layer_norm`. Archives leave arguments out that have their default value.
The defaults are those of PyTorch's `native_functions.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncalc.readers.aten.events import Var
from cnncalc.readers.aten.network import HANDLERS

Arguments = dict[str, Any]

# operators that check or state something, and have no result
CHECKS = frozenset((
    "_assert_async", "_assert_scalar", "_assert_tensor_metadata", "sym_constrain_range", "sym_constrain_range_for_size",
    "_functional_assert_async", "_functional_assert_scalar", "sym_constrain_range_functional",
))  # fmt: skip
NAMES = {
    "_softmax": "softmax", "_log_softmax": "log_softmax", "_safe_softmax": "softmax", "native_layer_norm": "layer_norm",
    "native_group_norm": "group_norm", "_fused_rms_norm": "rms_norm", "native_dropout": "dropout",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d", "_adaptive_avg_pool3d": "adaptive_avg_pool3d",
    "constant_pad_nd": "pad", "reflection_pad1d": "pad", "reflection_pad2d": "pad", "reflection_pad3d": "pad",
    "replication_pad1d": "pad", "replication_pad2d": "pad", "replication_pad3d": "pad", "_unsafe_index": "index",
    "_prelu_kernel": "prelu", "_unsafe_masked_index": "index",
    **dict.fromkeys(("_native_batch_norm_legit_no_training", "_native_batch_norm_legit", "native_batch_norm",
                     "_native_batch_norm_legit_functional", "_batch_norm_with_update", "_batch_norm_no_update",
                     "_batch_norm_with_update_functional", "cudnn_batch_norm"), "batch_norm"),
    **dict.fromkeys(("_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
                     "_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_cudnn_attention",
                     "_scaled_dot_product_attention_math", "_scaled_dot_product_fused_attention_overrideable"),
                    "scaled_dot_product_attention"),
}  # fmt: skip
# operators whose other results are read only for gradients
FIRST_ONLY = frozenset(
    ("layer_norm", "group_norm", "rms_norm", "batch_norm", "dropout", "scaled_dot_product_attention")
)
PADDING_MODES = {"reflection": "reflect", "replication": "replicate"}
_CONV: Arguments = {"bias": None, "stride": [1], "padding": [0], "dilation": [1], "groups": 1}
_POOL: Arguments = {"stride": [], "padding": [0], "ceil_mode": False}
_DIM0: Arguments = {"dim": 0}
_SUM: Arguments = {"beta": 1, "alpha": 1}
_RANKS = (1, 2, 3)
DEFAULTS: dict[str, Arguments] = {
    **{f"conv{rank}d": _CONV for rank in _RANKS},
    **{f"conv_transpose{rank}d": {**_CONV, "output_padding": [0]} for rank in _RANKS},
    **{f"avg_pool{rank}d": _POOL for rank in _RANKS},
    **{f"max_pool{rank}d": {**_POOL, "dilation": [1]} for rank in _RANKS},
    **{f"max_pool{rank}d_with_indices": {**_POOL, "dilation": [1]} for rank in _RANKS},
    "linear": {"bias": None}, "batch_norm": {"weight": None, "bias": None, "running_mean": None, "running_var": None},
    "instance_norm": {"weight": None, "bias": None, "running_mean": None, "running_var": None},
    "layer_norm": {"weight": None, "bias": None}, "rms_norm": {"weight": None}, "group_norm": {"weight": None, "bias": None},
    "hardtanh": {"min_val": -1, "max_val": 1}, "glu": {"dim": -1}, "softmax": {"dim": -1}, "log_softmax": {"dim": -1},
    "addmm": _SUM, "baddbmm": _SUM, "addbmm": _SUM, "addmv": _SUM, "pad": {"mode": "constant", "value": None},
    "slice": {"dim": 0, "start": None, "end": None, "step": 1}, "einsum": {},
    **dict.fromkeys(("cat", "concat", "concatenate", "split", "split_with_sizes", "chunk", "unbind", "tensor_split",
                     "unsafe_split", "unsafe_chunk", "stack"), _DIM0),
}  # fmt: skip


def operator_name(target: str) -> tuple[str, str]:
    """Return the namespace of an operator, and its name without the overload.

    >>> operator_name("torch.ops.aten.conv2d.default"), operator_name("_operator.mul")
    (('aten', 'conv2d'), ('_operator', 'mul'))
    """
    parts = target.split(".")
    if parts[:2] == ["torch", "ops"] and len(parts) >= 4:
        return parts[2], parts[3]
    return ".".join(parts[:-1]), parts[-1]


def unify(op: str, args: Mapping[str, Any]) -> tuple[str, Arguments]:
    """Return the name and the arguments of an operator as the rules know them, with default values filled in."""
    args = dict(args)
    if op == "convolution":
        w = args.get("weight")
        rank = min(max(len(w.dims) - 2, 1), 3) if isinstance(w, Var) else 1
        op = f"conv_transpose{rank}d" if args.get("transposed") else f"conv{rank}d"
    if op.endswith("_copy") and op not in HANDLERS and op.removesuffix("_copy") in HANDLERS:
        op = op.removesuffix("_copy")
    name = NAMES.get(op, op)
    if name == "pad" and op != "pad":
        args["mode"] = PADDING_MODES.get(op.partition("_")[0], "constant")
        args["pad"] = args.get("pad", args.get("padding"))
    elif op == "native_group_norm":
        args["num_groups"] = args.get("group")
    elif op == "native_dropout":
        args["train"] = args.get("train", True)
    elif name == "batch_norm" and op == "cudnn_batch_norm":
        args["training"] = args.get("training", False)
    return name, {**DEFAULTS.get(name, {}), **args}
