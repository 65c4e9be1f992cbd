"""Operations that no kind describes: what is known of them is said by the reader that met them, or by the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Flag, Word
from cnncalc.layers.fields import Count as Whole
from cnncalc.layers.operations import Op
from cnncalc.layers.sizes import To
from cnncalc.layers.views import Blur, Unseen, View
from cnncalc.product import NOTHING, Count, Product
from cnncalc.shape import Shape


class Operator(Layer):
    """An operation whose output shape, parameters and multiply-adds are given. Files write it as `operator`.

    With `like` it is that layer in every other respect: one whose parameters differ from what its fields say, because
    another layer holds some of them or because they are worked out from others (weight norm, tied weights).

    >>> from cnncalc.product import Product
    >>> product = Operator("matmul", Shape((197, 197)), macs=Product(("m", 197), ("k", 64), ("n", 197)))
    >>> product.kind, product.out(Shape((197, 64))), product.macs(Shape((197, 64)))
    ('matmul', (197, 197), 2483776)
    """

    inputs = None
    known_cost: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        output: Shape,
        *,
        weights: Mapping[str, Count] | None = None,
        buffers: Mapping[str, Count] | None = None,
        macs: Count | None = None,
        views: tuple[View, ...] | None = (),
        like: Layer | None = None,
        in_place: bool = False,
        note: str = "",
        ops: Sequence[Op] | None = None,
    ) -> None:
        own: dict[str, Any] = self.__dict__
        if like is not None:
            own.update({name: value for name, value in like.__dict__.items() if name in like.fields})
            own.update(fields=like.fields, counts_for_depth=like.counts_for_depth, convolves=like.convolves)
            own.update(known_cost=like.known_cost, reference_inputs=like.reference_inputs, families=like.families)
            in_place = like.in_place
        own.update(kind=name, in_place=in_place)
        own.update(_output=output, _weights=weights, _buffers=buffers, _macs=macs, _views=views, _like=like, _note=note)
        own.update(_ops=ops)

    def __eq__(self, other: object) -> bool:
        names = ("kind", "_output", "_weights", "_buffers", "_macs")
        return super().__eq__(other) and all(self.__dict__[name] == other.__dict__[name] for name in names)

    __hash__ = None  # as every layer

    def with_parameters(self, weights: Mapping[str, Count], buffers: Mapping[str, Count], note: str) -> Operator:
        """The same with these parameters and buffers."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _weights=dict(weights), _buffers=dict(buffers), _note=note)
        other.__dict__.pop("_cache", None)  # it holds what follows from the old parameters
        return other

    def _fact(self, name: str) -> Any:
        return self.__dict__["_" + name]

    @property
    def like(self) -> Layer | None:
        """The layer that it is in every other respect."""
        found: Layer | None = self._fact("like")
        return found

    def out(self, *xs: Shape) -> Shape:
        given: Shape = self._fact("output")
        return given

    def weights(self, *xs: Shape) -> dict[str, Count]:
        if self._fact("weights") is not None:
            return dict(self._fact("weights"))
        like: Layer | None = self._fact("like")
        return like.weights(*xs) if like is not None else {}

    def buffers(self, *xs: Shape) -> dict[str, Count]:
        if self._fact("buffers") is not None:
            return dict(self._fact("buffers"))
        like: Layer | None = self._fact("like")
        return like.buffers(*xs) if like is not None else {}

    def macs(self, *xs: Shape) -> Count:
        given: Count | None = self._fact("macs")
        if given is not None:
            return given
        like: Layer | None = self._fact("like")
        return like.macs(*xs) if like is not None else NOTHING

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        like: Layer | None = self._fact("like")
        given: tuple[View, ...] | None = self._fact("views")
        return like.windows(*xs) if like is not None else given

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        like: Layer | None = self._fact("like")
        if self._fact("ops") is not None:
            return list(self._fact("ops"))
        return like.operations(training, *xs) if like is not None and like.out(*xs) == self.out(*xs) else None

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        like: Layer | None = self._fact("like")
        found = like.notes(*xs) if like is not None else []
        return [*found, ("note", self._fact("note"))] if self._fact("note") else found


class Unknown(Operator):
    """An operator that nothing is known of but its output shape: its multiply-adds are unknown, not 0.

    >>> Unknown("deformconv", Shape((56, 56, 64))).known_cost
    False
    """

    known_cost: ClassVar[bool] = False

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return (Blur(),)

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        sentence = f"cnncalc has no rule for the operator {self.kind}: its multiply-adds are unknown"
        return [("unknown-operator", sentence), *super().notes(*xs)]


class Stated(Layer, kind="operator"):
    """An operation that no kind describes, by what is known of it: its name, output shape and, if known, multiply-adds.

    Without `cost` its multiply-adds are unknown, shown as `?`, and totals are lower bounds; without `output` it keeps the
    shape of its first operand. Parameters that it has are stated beside it, with `holds:`.

    >>> Stated(op="einsum", output=(10, 20)).out(Shape((10, 32)))
    (10, 20)
    >>> Stated(op="roll").out(Shape((7, 7, 96)))
    (7, 7, 96)
    """

    example = "56x56x64 -> {operator: [prev], op: deformconv, output: 56x56x64}"
    inputs = None

    op = Word("what the operation is called")
    output = To("its output shape: `56x56x64`; that of its first operand unless written", None)
    cost = Whole("multiply-accumulates for one example; unknown unless written", None, least=0, most=2**62)
    sees = Choice(
        "what an output cell sees of the input: its own cell, all of it, nothing, or an unknown part",
        "cell all nothing unknown",
        "unknown",
    )
    overwrites = Flag("can overwrite its input: writes no new volume", False)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._named()

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Stated:
        layer = super().from_values(values)
        layer._named()
        return layer

    def _named(self) -> None:
        """Be of the operation's kind in tables, and of unknown cost where none is stated."""
        self.__dict__.update(kind=self.op, known_cost=self.cost is not None, in_place=self.overwrites)

    def out(self, *xs: Shape) -> Shape:
        return Shape(xs[0] if self.output is None else self.output)

    def macs(self, *xs: Shape) -> Count:
        return Product(("cost", self.cost)) if self.cost else NOTHING

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return {"cell": (), "all": None, "nothing": (Unseen(),), "unknown": (Blur(),)}[self.sees]

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        if self.cost is not None:
            return []
        return [("unknown-operator", f"what {self.op} costs is not stated: its multiply-adds are unknown")]
