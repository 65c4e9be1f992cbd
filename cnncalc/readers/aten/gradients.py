"""Record which parameters of a PyTorch module get a gradient, and which values no gradient flows through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.layers.operations import Seen
from cnncalc.layers.operator import Operator
from cnncalc.layers.roles import has_bias_role
from cnncalc.network import Builder, Node
from cnncalc.product import Product
from cnncalc.readers.aten.events import Tensor, Var

Parameters = Mapping[str, "Var | Sequence[Tensor] | None"]


class Part:
    """A tensor that a layer uses: whether it is a bias there, and whether the layer reads it detached."""

    __slots__ = ("bias", "detached", "tensor")

    def __init__(self, tensor: Tensor, bias: bool, detached: bool) -> None:
        self.tensor = tensor
        self.bias = bias
        self.detached = detached

    @property
    def state(self) -> tuple[bool, bool]:
        """Whether it is frozen, and whether this layer reads it detached."""
        return self.tensor.frozen, self.detached


def is_bias(tensor: Tensor) -> bool:
    """Return whether a parameter is named like a bias."""
    return tensor.name.rpartition(".")[2].startswith(("bias", "in_proj_bias"))


def list_parts(parameters: Parameters) -> list[Part]:
    """Return the parameters that a layer uses, each once."""
    parts: dict[int, Part] = {}
    for role, value in parameters.items():
        detached = isinstance(value, Var) and value.detached
        for tensor in value.tensors if isinstance(value, Var) else value or ():
            if tensor.learned and id(tensor) not in parts:
                parts[id(tensor)] = Part(tensor, is_bias(tensor) or has_bias_role(role), detached)
    return list(parts.values())


def record_gradients(builder: Builder, node: Node, parameters: Parameters, fresh: Mapping[str, Tensor]) -> None:
    """Note at a node which of its parameters are frozen, and which it reads detached.

    `fresh` maps names to the tensors that are counted at the node. If the layer's rule counts several tensors as one
    parameter and only some of them are frozen, the node gets the tensors as separate parameters.
    """
    layer, shapes = node.layer, node.statistics.shapes if node.statistics is not None else ()
    used = list_parts(parameters)
    if layer is None or not used:
        return
    counts = layer.weights(*shapes)
    named = _match_names(list(counts), [int(size) for size in counts.values()], used, fresh)
    seen = node.seen = node.seen or Seen()
    if named is None and node.shared is None and fresh:
        weights = {
            name: Product(*[("N", length) for length in tensor.dims] or [("N", 1)]) for name, tensor in fresh.items()
        }
        builder.replace(node.index, Operator(layer.kind, node.output, weights=weights, like=layer))
        parts = {id(part.tensor): part for part in used}
        named = {name: parts[id(tensor)] for name, tensor in fresh.items()}
    if named is None:  # assume the fewest trained parameters: figures become lower bounds
        seen.more = True
        node.frozen = frozenset(counts) if any(part.tensor.frozen for part in used) else None
        seen.still = frozenset(counts)
        return
    frozen = frozenset(name for name, part in named.items() if part.tensor.frozen)
    node.frozen = frozen or None
    seen.still = frozenset(name for name, part in named.items() if part.detached)
    seen.dims = {name: part.tensor.dims for name, part in named.items() if part.tensor.place >= 0}
    seen.places = {name: part.tensor.place for name, part in named.items() if part.tensor.place >= 0}


def _match_names(
    names: Sequence[str], sizes: Sequence[int], used: Sequence[Part], fresh: Mapping[str, Tensor]
) -> dict[str, Part] | None:
    """Assign tensors to the names of the layer's parameters, or return None if they do not match and differ in state."""
    parts = {id(part.tensor): part for part in used}
    if set(names) <= set(fresh):
        return {name: parts[id(fresh[name])] for name in names if id(fresh[name]) in parts}
    matched: dict[str, Part] = {}
    for bias in (False, True):
        wanted = [(name, size) for name, size in zip(names, sizes, strict=True) if has_bias_role(name) is bias]
        candidates = [part for part in used if part.bias is bias]
        if [size for _, size in wanted] == [part.tensor.size for part in candidates]:
            matched.update(zip([name for name, _ in wanted], candidates, strict=True))
        elif len({part.state for part in candidates}) > 1 or (wanted and not candidates):
            return None
        elif any(candidates[0].state if candidates else ()):
            matched.update(
                (name, Part(Tensor("", (), True, candidates[0].tensor.frozen), bias, candidates[0].detached))
                for name, _ in wanted
            )
    return matched
