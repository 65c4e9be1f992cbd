"""Name the nodes of an ONNX graph after the path of the PyTorch module that they come from.

`/features/features.0/Conv` becomes `features.0`. If several nodes come from one module, the operator is appended.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

_AUTOMATIC = re.compile(r"n\d+(_\d+)*")
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
_WEIGHT = re.compile(r"(.+)[./](weight|weight_quantized|kernel|weight_v|weight_g|original0|original1)(:\d+)?")
_SCOPES = "pkg.torch.onnx.name_scopes"
SILENT = (
    "Constant",
    "Shape",
    "Cast",
    "Unsqueeze",
    "ConstantOfShape",
)  # rarely layers: they leave the module's name to others


def path_of(name: str) -> tuple[str, str]:
    """Return the path in a node's name, and the last part that follows it.

    >>> path_of("/features/features.1/conv/conv.0/conv.0.2/Clip")
    ('features.1.conv.0.2', 'Clip')
    """
    parts = [part for part in re.sub(r":\d+$", "", name).split("/") if part]
    if not parts:
        return "", ""
    kept: list[str] = []
    for part in parts[:-1]:
        if kept and part.startswith(kept[-1] + "."):
            kept[-1] = part
        else:
            kept.append(part)
    return clean(".".join(kept)), clean(parts[-1])


def clean(text: str) -> str:
    """Return a name that consists of letters, digits, `_`, `-` and dots."""
    return _ODD.sub("_", text[:200]).strip("._")


def labels(nodes: Sequence[Any], weights: Iterable[str], prefix: str) -> list[str]:
    """A name for every node, stable from export to export; Reader.name makes them unique."""
    known = set(weights)
    paths = [path_of_node(node, known) for node in nodes]
    loud = [path for node, (path, _) in zip(nodes, paths, strict=True) if node.op_type not in SILENT]
    counts = Counter(loud)
    around = {path[:place] for path in counts for place in range(len(path)) if path[place] == "."}
    names = []
    for node, (path, own) in zip(nodes, paths, strict=True):
        alone = counts[path] + (node.op_type in SILENT) == 1 and path not in around
        if not path:
            label = own or clean(node.op_type)
        elif alone:
            label = path
        else:
            label = f"{path}.{own[0].lower() + own[1:] if own[1:].islower() or '_' in own else own.lower()}"
        label = label if path else label.lower() if label == clean(node.op_type) else label
        names.append(f"{prefix}.{label}" if prefix and label != prefix else label)
    return names


def path_of_node(node: Any, weights: set[str]) -> tuple[str, str]:
    """Return the path of a node's module, from its name, its metadata or its weight, and the rest of the name."""
    name = node.name or ""
    if "/" in name.strip("/"):
        return path_of(name)
    for entry in node.metadata_props if hasattr(node, "metadata_props") else ():
        if entry.key == _SCOPES and len(entry.value) < 4096:
            scopes = [scope for scope in re.findall(r"'([^']*)'", entry.value) if scope]
            if len(scopes) > 1:
                return clean(scopes[-2]), clean(node.op_type)
    for source in node.input[1:3]:
        match = _WEIGHT.fullmatch(source)
        if match and source in weights:
            path, last = path_of(match[1])
            return f"{path}.{last}".strip("."), clean(node.op_type)
    own = clean(name.strip("/").removeprefix("node_"))
    if not own or _AUTOMATIC.fullmatch(own):
        output = next((output for output in node.output if output), "")
        path, own = path_of(output)
        return path, own
    return "", own if "/" not in name else (own[0].lower() + own[1:] if own[1:].islower() else own)
