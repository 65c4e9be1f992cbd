"""Layers that take their size either from a field or, with `like: NAME`, from another value."""

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
    """Base of the layers that have either one of the fields `size_fields` or `like`.

    `like` names a second input, of which only the shape is used.
    """

    size_fields: ClassVar[tuple[str, ...]] = ()

    like = Name("earlier value whose spatial size the output takes", None, also="reference size_as")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._count_inputs()

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        layer = super().from_values(values)
        layer._count_inputs()
        return layer

    def _count_inputs(self) -> None:
        """Take a second input if `like` is written."""
        if self.like is not None:
            self.__dict__.update(inputs=2, reference_inputs=1)

    def reference_size(self, *xs: Shape) -> tuple[int, ...] | None:
        """Return the spatial lengths of the value that `like` names, or None without `like`.

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
            text = f"{self.kind} has both `{written[0]}` and `like`, and each of them sets the output size"
            raise Problem("bad-value", text, "remove one of the two", field=written[0])
        x, other = xs
        if len(x) != len(other):
            text = f"{self.kind}: {x} has {len(x) - 1} spatial axes, but `{self.like}` is {other}"
            raise Problem("shapes-differ", text, "name a value with the same number of axes", field="like")
        return tuple(other[:-1])
