"""Compares the parameters of a network with the tensors of its checkpoint, by name and size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cnncalc.network import Network
from cnncalc.problem import Problem
from cnncalc.readers.huggingface.family import Family
from cnncalc.readers.huggingface.weights import Checkpoint, Tensor
from cnncalc.text import plural, show

MOST_NAMED = 5  # tensors in a sentence
_NUMBERED = re.compile(r"(?:^|(?<=\.))[A-Z][A-Za-z]*?([0-9]+)(?=\.|$)")  # a block and its number, from 1
_OPERANDS = ("linear", "fc", "attend")  # layers without a name of their own inside an operand or a group


def parameters(network: Network) -> dict[str, int]:
    """Return the number of elements of each parameter and buffer, by its name in transformers without `.weight`."""
    sizes: dict[str, int] = {}
    for node in network.nodes:
        if node.layer is None or node.shared is not None:
            continue
        shapes = network.shapes(node)
        name = _NUMBERED.sub(lambda match: str(int(match[1]) - 1), node.name)
        kind = node.kind
        if kind in _OPERANDS and re.fullmatch(rf"{kind}[0-9]+", name.rpartition(".")[2]):
            name = name.rpartition(".")[0]
        for held in (node.layer.weights(*shapes), node.layer.buffers(*shapes)):
            for part, number in held.items():
                full = f"{name}.{part}".removesuffix(".weight").replace(".tied_decoder.bias", ".bias")
                sizes[full] = sizes.get(full, 0) + int(number)
    return sizes


def canonical(tensor: str, family: Family) -> str:
    """Return the name of a tensor as `parameters` has it; empty if it is not a parameter."""
    if family.buffers and re.search(family.buffers, tensor):
        return ""
    name = re.sub(f"^{family.prefix}", "", tensor) if family.prefix else tensor
    for pattern, replacement in family.renames:
        name = re.sub(pattern, replacement, name)
    return name.removesuffix(".weight")


class Difference:
    """What differs: tensors that only one of the two has, and tensors of another size."""

    def __init__(self, network: Mapping[str, int], checkpoint: Iterable[Tensor], family: Family) -> None:
        self.extra: list[Tensor] = []
        self.resized: list[tuple[Tensor, int]] = []
        missing = dict(network)
        for tensor in checkpoint:
            name = canonical(tensor.name, family)
            if not name:
                continue
            size = missing.pop(name, None)
            if size is None:
                owner = family.tied.get(name)
                if owner is None or tensor.size not in (None, network.get(owner)):
                    self.extra.append(tensor)
            elif tensor.size not in (None, size):
                self.resized.append((tensor, size))
        self.missing = missing

    def __bool__(self) -> bool:
        return bool(self.extra or self.resized or self.missing)

    def sentences(self) -> list[str]:
        """Return what differs, with the names of the first tensors."""
        found = []
        if self.extra:
            some = "is" if len(self.extra) == 1 else "are"
            found.append(
                f"{plural(len(self.extra), 'tensor')} {some} not in the network: {_first(map(str, self.extra))}"
            )
        if self.missing:
            some = "is" if len(self.missing) == 1 else "are"
            names = (f"{show(name)} with {size:,} numbers" for name, size in self.missing.items())
            found.append(f"{plural(len(self.missing), 'parameter')} {some} not in the file: {_first(names)}")
        if self.resized:
            names = (f"{tensor}, where the network has {size:,} numbers" for tensor, size in self.resized)
            found.append(f"{plural(len(self.resized), 'tensor')} of another size: {_first(names)}")
        return found


def _first(names: Iterable[str]) -> str:
    every = list(names)
    rest = len(every) - MOST_NAMED
    return ", ".join(every[:MOST_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def compare(network: Network, checkpoint: Checkpoint, family: Family) -> tuple[str, list[Problem]]:
    """Return a sentence if all tensors agree, and otherwise warnings."""
    file = show(checkpoint.path.replace("\\", "/").rpartition("/")[2])
    difference = Difference(parameters(network), checkpoint.tensors, family)
    if difference:
        text = f"{file} differs from the network of the configuration: " + "; ".join(difference.sentences())
        help = "the figures are those of the configuration; check that both files belong to one model"
        return "", [Problem("weights-differ", text, help, level="warning")]
    count = plural(len(checkpoint.tensors), "tensor")
    if checkpoint.missing:
        files = plural(len(checkpoint.missing), "file is", "files are")
        return f"{file} has the same names; {files} missing, so that not all sizes could be compared", []
    return f"all {count} of {file} agree", []
