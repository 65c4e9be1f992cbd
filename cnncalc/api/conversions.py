"""A network in other formats."""

from __future__ import annotations

from typing import Any

from cnncalc.api.errors import CnncalcError
from cnncalc.api.guard import public_errors
from cnncalc.api.structure import Structure
from cnncalc.text import show


class Conversions(Structure):
    """What a network can be written as. The public class is `Network`."""

    def export(self, to: str, **options: Any) -> str | bytes:
        """Return the network in another format: text, or bytes for ONNX.

        Parameters
        ----------
        to : str
            `torch`, `keras`, `onnx`, `mermaid` or `dot`.
        **options
            `depth` for drawings, the levels of blocks to show; `batch` for ONNX, the size of the first dimension.

        Raises
        ------
        CnncalcError
            If the format cannot express a layer, or a package is missing.
        TypeError
            If the format does not take an option.

        Examples
        --------
        >>> import cnncalc
        >>> print(cnncalc.load("8x8x3 -> CONV3-4").export("mermaid"))  # doctest: +ELLIPSIS
        flowchart ...
        """
        from cnncalc.writers import TARGETS, write, writer_of
        from cnncalc.writers.blocks import Unexportable

        if to not in TARGETS:
            raise ValueError(f"to must be one of {', '.join(TARGETS)}, not {to!r}")
        writer = writer_of(to)
        for name in options:
            if name not in writer.options:
                raise TypeError(f"export to {to} takes no option {name!r}")
        try:
            with public_errors():
                return write(writer, self, **options)
        except Unexportable as error:
            raise CnncalcError.of(str(error), "limit") from error

    def to_yaml(self, *, flat: bool = False) -> str:
        """Return the network as a specification that people can read and change.

        Parameters
        ----------
        flat : bool
            Write one step per layer, without blocks, branches or repeats.

        Raises
        ------
        CnncalcError
            If the format cannot express a layer.
        """
        return self.to_specification(flat=flat)[0]

    def to_specification(self, origin: str = "", *, flat: bool = False) -> tuple[str, dict[str, str]]:
        """Return the specification and a mapping of the names that had to change, old to new. `origin` becomes its source."""
        from cnncalc.writers.yaml.fields import Unwritable
        from cnncalc.writers.yaml.writer import write_checked

        try:
            written = write_checked(self, origin, flat)
        except Unwritable as error:
            raise CnncalcError.of(f"{show(self.spec)} cannot be imported: {show(error, 300)}", "limit") from error
        pairs = zip(written.order, written.names, strict=True)
        renamed = {self.nodes[index].name: name for index, name in pairs if self.nodes[index].name != name}
        return written.text, renamed
