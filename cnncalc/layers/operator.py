"""Operations without a kind. The reader or the file that has them states what is known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Choice, Flag, Word
from cnncalc.layers.fields import Count as Whole
from cnncalc.layers.fields.sizes import To
from cnncalc.layers.operations import Op
from cnncalc.layers.views import Blur, Unseen, View
from cnncalc.product import NOTHING, Number, Product
from cnncalc.shape import Shape


class Operator(Layer):
    """An operation with a given output shape, parameters and multiply-adds. Files write it as `operator`.

    With `like` it behaves as that layer in every other respect. This is for a layer whose parameters are not those of its
    fields, because another layer holds some of them or because they are computed from others (weight norm, tied weights).

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
        weights: Mapping[str, Number] | None = None,
        buffers: Mapping[str, Number] | None = None,
        macs: Number | None = None,
        views: tuple[View, ...] | None = (),
        like: Layer | None = None,
        in_place: bool = False,
        note: str = "",
        ops: Sequence[Op] | None = None,
    ) -> None:
        own: dict[str, Any] = self.__dict__
        if like is not None:
            own.update({name: getattr(like, name) for name in like.fields})
            own.update(fields=like.fields, counts_for_depth=like.counts_for_depth, convolves=like.convolves)
            own.update(known_cost=like.known_cost, reference_inputs=like.reference_inputs, families=like.families)
            in_place = like.in_place
        own.update(kind=name, in_place=in_place)
        own.update(_output=output, _weights=weights, _buffers=buffers, _macs=macs, _views=views, _like=like, _note=note)
        own.update(_ops=ops)

    def __eq__(self, other: object) -> bool:
        names = ("kind", "_output", "_weights", "_buffers", "_macs")
        return super().__eq__(other) and all(self.__dict__[name] == other.__dict__[name] for name in names)

    __hash__ = None  # like every layer

    def with_parameters(self, weights: Mapping[str, Number], buffers: Mapping[str, Number], note: str) -> Operator:
        """Return a copy with other parameters and buffers."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _weights=dict(weights), _buffers=dict(buffers), _note=note)
        other.__dict__["cache"] = {}  # that of this operator holds what follows from its parameters
        return other

    def _fact(self, name: str) -> Any:
        return self.__dict__["_" + name]

    @property
    def like(self) -> Layer | None:
        """Layer whose behavior this operator copies in all other respects."""
        like: Layer | None = self._fact("like")
        return like

    def out(self, *xs: Shape) -> Shape:
        output: Shape = self._fact("output")
        return output

    def weights(self, *xs: Shape) -> dict[str, Number]:
        if self._fact("weights") is not None:
            return dict(self._fact("weights"))
        like: Layer | None = self._fact("like")
        return like.weights(*xs) if like is not None else {}

    def buffers(self, *xs: Shape) -> dict[str, Number]:
        if self._fact("buffers") is not None:
            return dict(self._fact("buffers"))
        like: Layer | None = self._fact("like")
        return like.buffers(*xs) if like is not None else {}

    def macs(self, *xs: Shape) -> Number:
        macs: Number | None = self._fact("macs")
        if macs is not None:
            return macs
        like: Layer | None = self._fact("like")
        return like.macs(*xs) if like is not None else NOTHING

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        like: Layer | None = self._fact("like")
        views: tuple[View, ...] | None = self._fact("views")
        return like.windows(*xs) if like is not None else views

    def operations(self, training: bool, *xs: Shape) -> list[Op] | None:
        like: Layer | None = self._fact("like")
        if self._fact("ops") is not None:
            return list(self._fact("ops"))
        return like.operations(training, *xs) if like is not None and like.out(*xs) == self.out(*xs) else None

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        like: Layer | None = self._fact("like")
        notes = like.notes(*xs) if like is not None else []
        return [*notes, ("note", self._fact("note"))] if self._fact("note") else notes


class Unknown(Operator):
    """An operator of which only the output shape is known, so that its multiply-adds are unknown and not 0.

    >>> Unknown("deformconv", Shape((56, 56, 64))).known_cost
    False
    """

    known_cost: ClassVar[bool] = False

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return (Blur(),)

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        sentence = f"cnncalc has no rule for the operator {self.kind}, so its multiply-adds are unknown"
        return [("unknown-operator", sentence), *super().notes(*xs)]


class Stated(Layer, kind="operator"):
    """An operation that has no kind, described by its name, its output shape and, if known, its multiply-adds.

    Without `cost` its multiply-adds are unknown and shown as `?`, and totals are lower bounds. Without `output` it has the
    shape of its first operand. Write its parameters next to it with `holds:`.

    >>> Stated(op="einsum", output=(10, 20)).out(Shape((10, 32)))
    (10, 20)
    >>> Stated(op="roll").out(Shape((7, 7, 96)))
    (7, 7, 96)
    """

    example = "56x56x64 -> {operator: [prev], op: deformconv, output: 56x56x64}"
    inputs = None

    op = Word("name of the operation")
    output = To("output shape, such as `56x56x64`; that of the first operand unless it is written", None)
    cost = Whole("multiply-accumulates for one example; unknown unless it is written", None, least=0, most=2**62)
    sees = Choice(
        "part of the input that an output cell sees: the cell at its position, all, nothing, or an unknown part",
        "cell all nothing unknown",
        "unknown",
    )
    overwrites = Flag("the operation can overwrite its input, so that it writes no new volume", False)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._apply_fields()

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Stated:
        layer = super().from_values(values)
        layer._apply_fields()
        return layer

    def _apply_fields(self) -> None:
        """Take over the kind, cost and in-place property from the fields."""
        self.__dict__.update(kind=self.op, known_cost=self.cost is not None, in_place=self.overwrites)

    def out(self, *xs: Shape) -> Shape:
        return Shape(xs[0] if self.output is None else self.output)

    def macs(self, *xs: Shape) -> Number:
        return Product(("cost", self.cost)) if self.cost else NOTHING

    def windows(self, *xs: Shape) -> tuple[View, ...] | None:
        return {"cell": (), "all": None, "nothing": (Unseen(),), "unknown": (Blur(),)}[self.sees]

    def notes(self, *xs: Shape) -> list[tuple[str, str]]:
        if self.cost is not None:
            return []
        return [("unknown-operator", f"the cost of {self.op} is not stated, so its multiply-adds are unknown")]
