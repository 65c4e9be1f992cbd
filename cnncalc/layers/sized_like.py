"""Layers that may take their size from another value, with `like: NAME`, in place of a size of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from cnncalc.layers.base import Layer
from cnncalc.layers.fields import Name
from cnncalc.problem import Problem
from cnncalc.shape import Shape
from cnncalc.text import quoted

if TYPE_CHECKING:
    from typing_extensions import Self


class SizedLike(Layer):
    """A layer that has either one of the fields `size_fields` or `like`, whose value is a second input that lends its shape."""

    size_fields: ClassVar[tuple[str, ...]] = ()

    like = Name("the value above whose size the result has, channels apart", None, also="reference size_as")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._take_inputs()

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        layer = super().from_values(values)
        layer._take_inputs()
        return layer

    def _take_inputs(self) -> None:
        """Take a second input where there is a `like`."""
        if self.like is not None:
            self.__dict__.update(inputs=2, reference_inputs=1)

    def reference_size(self, *xs: Shape) -> tuple[int, ...] | None:
        """The spatial lengths of the value that lends its size; None where there is no `like`.

        Raises:
            Problem: `missing-field`, `bad-value` or `shapes-differ`.
        """
        written = [name for name in self.size_fields if getattr(self, name) is not None]
        if self.like is None:
            if not written:
                names = quoted([*self.size_fields, "like"], "or")
                example = f"write `{self.kind}: {{{self.size_fields[0]}: 2}}`, or `{self.kind}: {{like: name}}`"
                raise Problem("missing-field", f"{self.kind} needs {names}", example)
            return None
        if written:
            text = f"{self.kind} has `{written[0]}` and `like`, which both say how large it becomes"
            raise Problem("bad-value", text, "leave one of the two out", field=written[0])
        x, other = xs
        if len(x) != len(other):
            text = f"{self.kind}: {x} has {len(x) - 1} spatial axes, but `{self.like}` is {other}"
            raise Problem("shapes-differ", text, "name a value with as many axes", field="like")
        return tuple(other[:-1])
