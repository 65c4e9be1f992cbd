"""Name the layers of a TFLite model after its tensors.

Converters name a tensor after the operations that it comes from: `mobilenet/Conv1/Relu6;mobilenet/bn/FusedBatchNormV3`. The
layer becomes `Conv1`: the first path without the model's own name and without the operation. LiteRT Torch writes the class of
each module before its name, and the module of the operator itself last. `net.Net/torch.nn.modules.conv.Conv2d_conv1` becomes
`conv1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
# names of TensorFlow's operations, which follow the path of the layer
_OPERATION = re.compile(
    r"(Relu6?|BiasAdd|MatMul|Conv[23]D|depthwise|Softmax|Sigmoid|add(v2)?|AddV2|mul(_\d+)?|concat|Mean|MaxPool|AvgPool"
    r"|FusedBatchNorm(V\d)?|Reshape|separable_conv2d|ReadVariableOp|convolution|conv2d_transpose|Tanh|Identity|Pad|batchnorm"
    r")(\d|_\d+)*"
)
_MODULE = re.compile(
    r"[a-z_]\w*(?:\.\w+)*\.([A-Z][^./]*)"
)  # the class of a module, `_` and its name, or the class of the model
_SILENT = ("StatefulPartitionedCall", "PartitionedCall", "serving_default", "sequential", "model", "functional")


def clean(text: str) -> str:
    """Return a name that consists of letters, digits, `_` and `-`, joined with dots."""
    return _ODD.sub("_", text[:200]).strip("._")


def path_of(name: str) -> list[str]:
    """Return the path in a tensor's name, without the number of the output.

    >>> path_of("StatefulPartitionedCall/mobilenet/Conv1/Relu6;mobilenet/bn_Conv1/FusedBatchNormV3")
    ['mobilenet', 'Conv1', 'Relu6']
    >>> path_of("net.Net/torch.nn.modules.container.Sequential_features/torch.nn.modules.conv.Conv2d_0;1")
    ['features', '0']
    """
    names = [one for one in name.split(";") if not one.isdecimal() and one]
    modules = [_module_path(one) for one in names]
    if modules and any(modules):
        return next(path for path in reversed(modules) if path)
    first = re.sub(r":\d+$", "", names[0] if names else "")
    parts = [clean(part) for part in first.split("/")]
    return [part for part in parts if part and part not in _SILENT]


def _module_path(name: str) -> list[str]:
    """Return the names of the modules in a path of LiteRT Torch; nothing for any other name."""
    matches = [_MODULE.fullmatch(part) for part in name.split("/")]
    classes = [match[1].partition("_") for match in matches if match]
    return [clean(own) for _, _, own in classes if clean(own)] if len(classes) == len(matches) else []


def input_name(name: str) -> str:
    """Return a short name for an input: `serving_default_input_1:0` becomes `input_1`."""
    return clean(re.sub(r":\d+$", "", name).removeprefix("serving_default_").rpartition("/")[2]) or "input"


def common_root(names: Iterable[str]) -> str:
    """Return the first part of the paths, if all that have several parts share it: the name of the model."""
    kept = [name for name in names if name]
    if any(_module_path(name.split(";", 1)[0]) for name in kept):
        return ""  # LiteRT Torch writes the class of the model, which is left out already
    roots = {path[0] for path in map(path_of, kept) if len(path) > 1}
    return roots.pop() if len(roots) == 1 else ""


def label_of(name: str, kind: str, root: str) -> str:
    """Return the name of a layer whose output has that name.

    >>> label_of("mobilenet/Conv1/Relu6;mobilenet/bn_Conv1/FusedBatchNormV3", "CONV_2D", "mobilenet")
    'Conv1'
    """
    path = path_of(name)
    if path and path[0] == root and len(path) > 1:
        path = path[1:]
    while len(path) > 1 and _OPERATION.fullmatch(path[-1]):
        path.pop()
    if not path or (len(path) == 1 and re.fullmatch(r"(tensor_?)?\d+", path[0])):
        path = [kind.lower()]
    return ".".join(path)


def labels(names: Sequence[tuple[str, str]], prefix: str) -> list[str]:
    """Return a label for each pair of an output's name and an operator's name, without the model's own name."""
    root = common_root(name for name, _ in names)
    found = [label_of(name, kind, root) for name, kind in names]
    return [f"{prefix}.{label}" if prefix else label for label in found]
