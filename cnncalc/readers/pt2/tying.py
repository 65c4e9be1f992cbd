"""Find parameters that have the same numbers, such as an embedding and the layer that turns features back into words.

From PyTorch 2.9 on, archives state which file holds each parameter, and tied ones share a file. Earlier archives state it
nowhere; but a module of torch.nn that reads a parameter of another module, in place of its own of that name, is tied.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.readers.aten.events import Trace
from cnncalc.readers.pt2.modules import Modules
from cnncalc.readers.pt2.program import Program


def find_tied(program: Program, weights: Mapping[str, str]) -> dict[str, str]:
    """Return a map of parameters to the first parameter with the same numbers."""
    tied: dict[str, str] = {}
    names = {target: name for name, target in program.parameters.items()}
    metas = {target: program.graph.tensors.get(name) for target, name in names.items()}

    def layout(target: str) -> tuple[object, ...]:
        meta = metas.get(target)
        return (tuple(meta.sizes), tuple(meta.strides), meta.offset) if meta is not None else (target,)

    if weights:
        first: dict[tuple[object, ...], str] = {}
        for target in names:
            if target in weights:
                owner = first.setdefault((weights[target], *layout(target)), target)
                if owner != target:
                    tied[target] = owner
        return tied
    modules = Modules(Trace(), ())
    read = {
        str(value.get("name"))
        for node in program.graph.nodes
        for _, (kind, value) in node.inputs
        if kind == "as_tensor" and isinstance(value, dict)
    }
    for node in program.graph.nodes:
        frames = modules.frames(node.stack)
        if not frames or not frames[-1][2].startswith("torch.nn.modules."):
            continue
        path = frames[-1][1]
        for _, (kind, value) in node.inputs:
            read_name = value.get("name") if kind == "as_tensor" and isinstance(value, dict) else None
            other = program.parameters.get(str(read_name))
            if other is None or other.startswith(f"{path}."):
                continue
            own = f"{path}.{other.rpartition('.')[2]}"
            if own in names and names[own] not in read and layout(own) == layout(other):
                tied[own] = other
    return tied
