"""Which parameters of a PyTorch module get a gradient, and through which values none flows back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.layers.operations import Seen
from cnncalc.layers.operator import Operator
from cnncalc.layers.roles import has_bias_role
from cnncalc.network import Builder, Node
from cnncalc.product import Product
from cnncalc.readers.torch.events import Tensor, Var

Held = Mapping[str, "Var | Sequence[Tensor] | None"]


class Part:
    """One tensor that a layer works with: whether it is a bias there, and whether the layer reads it detached."""

    __slots__ = ("bias", "detached", "tensor")

    def __init__(self, tensor: Tensor, bias: bool, detached: bool) -> None:
        self.tensor = tensor
        self.bias = bias
        self.detached = detached

    @property
    def state(self) -> tuple[bool, bool]:
        """Is it frozen, and does no gradient flow into it here?"""
        return self.tensor.frozen, self.detached


def is_bias(tensor: Tensor) -> bool:
    """Is a parameter called one?"""
    return tensor.name.rpartition(".")[2].startswith(("bias", "in_proj_bias"))


def parts(held: Held) -> list[Part]:
    """The parameters that a layer works with, each once."""
    found: dict[int, Part] = {}
    for role, value in held.items():
        detached = isinstance(value, Var) and value.stopped
        for tensor in value.held if isinstance(value, Var) else value or ():
            if tensor.learned and id(tensor) not in found:
                found[id(tensor)] = Part(tensor, is_bias(tensor) or has_bias_role(role), detached)
    return list(found.values())


def note_gradients(builder: Builder, node: Node, held: Held, fresh: Mapping[str, Tensor]) -> None:
    """Note at a node which of its parameters are frozen, and which are read detached.

    `fresh` are the tensors that were counted for the node, by the names that they got. A layer whose own rule counts
    several tensors as one parameter, some of them frozen, is given the tensors as they are.
    """
    layer, shapes = node.layer, node.statistics.shapes if node.statistics is not None else ()
    own = parts(held)
    if layer is None or not own:
        return
    named = _named(list(layer.weights(*shapes)), [int(size) for size in layer.weights(*shapes).values()], own, fresh)
    seen = node.seen = node.seen or Seen()
    if named is None and node.shared is None and fresh:
        weights = {
            name: Product(*[("N", length) for length in tensor.dims] or [("N", 1)]) for name, tensor in fresh.items()
        }
        builder.replace(node.index, Operator(layer.kind, node.output, weights=weights, like=layer))
        known = {id(part.tensor): part for part in own}
        named = {name: known[id(tensor)] for name, tensor in fresh.items()}
    if named is None:  # the least that is trained
        seen.more = True
        node.frozen = frozenset(layer.weights(*shapes)) if any(part.tensor.frozen for part in own) else None
        seen.still = frozenset(layer.weights(*shapes))
        return
    frozen = frozenset(name for name, part in named.items() if part.tensor.frozen)
    node.frozen = frozen or None
    seen.still = frozenset(name for name, part in named.items() if part.detached)
    seen.dims = {name: part.tensor.dims for name, part in named.items() if part.tensor.place >= 0}
    seen.places = {name: part.tensor.place for name, part in named.items() if part.tensor.place >= 0}


def _named(
    names: Sequence[str], sizes: Sequence[int], own: Sequence[Part], fresh: Mapping[str, Tensor]
) -> dict[str, Part] | None:
    """The tensors by the names of the layer's parameters; None where these are others, and the tensors not all alike."""
    known = {id(part.tensor): part for part in own}
    if set(names) <= set(fresh):
        return {name: known[id(fresh[name])] for name in names if id(fresh[name]) in known}
    found: dict[str, Part] = {}
    for bias in (False, True):
        wanted = [(name, size) for name, size in zip(names, sizes, strict=True) if has_bias_role(name) is bias]
        there = [part for part in own if part.bias is bias]
        if [size for _, size in wanted] == [part.tensor.size for part in there]:
            found.update(zip([name for name, _ in wanted], there, strict=True))
        elif len({part.state for part in there}) > 1 or (wanted and not there):
            return None
        elif any(there[0].state if there else ()):
            found.update(
                (name, Part(Tensor("", (), True, there[0].tensor.frozen), bias, there[0].detached))
                for name, _ in wanted
            )
    return found
