"""Groups of feature maps: a run of layers of one spatial size is drawn as boxes side by side with one caption."""

from __future__ import annotations

from cnncalc.drawing.palette import family
from cnncalc.network import Network, Node
from cnncalc.record import Record
from cnncalc.shape import Shape

DRIFT = 0.1  # unpadded windows may shrink a group by this share
HIDDEN = ("activation", "norm")  # families that do not change the shape


class Slab(Record):
    """A feature map: the layer that writes it, and the layers after it that change it in place."""

    node: int
    layers: tuple[int, ...]
    shape: Shape
    merges: bool = False  # True if one of the layers is a merge, with which a block usually ends


class Volumes(Record):
    """A group of feature maps of one spatial size."""

    slabs: tuple[Slab, ...]

    @property
    def shape(self) -> Shape:
        """The shape of the last feature map."""
        return self.slabs[-1].shape

    @property
    def ends(self) -> set[int]:
        """The slabs with which a block ends, by their position."""
        return {place for place, slab in enumerate(self.slabs) if slab.merges}

    @property
    def layers(self) -> list[int]:
        """All layers of the group."""
        return [index for slab in self.slabs for index in slab.layers]


def slabs_of(network: Network, trunk: list[int]) -> list[Slab]:
    """Return the feature maps along the trunk. Layers that work in place belong to the one that they change."""
    slabs: list[Slab] = []
    for index in trunk:
        node = network.nodes[index]
        if slabs and hides(node, slabs[-1].shape):
            last = slabs[-1]
            shape = node.output if not is_vector(node.output) else last.shape
            slabs[-1] = Slab(last.node, (*last.layers, index), shape, last.merges or family(node) == "merge")
        else:
            slabs.append(Slab(index, (index,), node.output, family(node) == "merge"))
    return slabs


def hides(node: Node, before: Shape) -> bool:
    """Return whether a layer gets no box of its own."""
    if node.layer is None:
        return False
    if node.layer.in_place or node.kind == "pad" or family(node) in HIDDEN:
        return True
    return family(node) == "merge" and node.output == before


def is_vector(shape: Shape) -> bool:
    """Return whether a shape has at most one position."""
    return all(length == 1 for length in shape.spatial)


def groups_of(network: Network, slabs: list[Slab]) -> list[Volumes]:
    """Return the groups. A vector is a group of its own, and so is the input."""
    groups: list[list[Slab]] = []
    for slab in slabs:
        last = groups[-1] if groups else None
        if last and network.nodes[last[0].node].layer is not None and _fits(last[0].shape, slab.shape):
            last.append(slab)
        else:
            groups.append([slab])
    return [Volumes(tuple(group)) for group in groups]


def _fits(first: Shape, other: Shape) -> bool:
    if is_vector(first) or is_vector(other) or first.rank != other.rank:
        return False
    return all(abs(a - b) <= DRIFT * a for a, b in zip(first.spatial, other.spatial, strict=True))
