"""The parameters in a checkpoint of a model whose network cnncalc does not know."""

from __future__ import annotations

from typing import Any

from cnncalc.analyses import stored as figures
from cnncalc.render.lines import UNICODE, Line, plain
from cnncalc.render.models import stored as render


class StoredParameters(figures.Stored):
    """The tensors that a safetensors file stores, by module and type. `str()` is the table of `cnncalc analyze`.

    It is the attribute `stored` of a `CnncalcError` about a `config.json` for which cnncalc has no architecture. Only the
    header of the file is read.

    Attributes
    ----------
    name, file : str
        The folder of the model, and the file or index with its tensors.
    parts : tuple
        One for each type in modules whose names differ only in numbers: `name` (`layers.*.mlp`), `dtype`, `modules`,
        `tensors`, `numbers` and `bytes`. The last two are None if a file is missing.
    missing : tuple of str
        The files of the index that are not there.
    """

    @classmethod
    def of(cls, stored: figures.Stored) -> StoredParameters:
        """Return the figures with what the public API adds."""
        return cls(stored.name, stored.file, stored.parts, stored.missing)

    def lines(self, glyphs: dict[str, str] = UNICODE) -> list[Line]:
        """Return the table as lines of styled spans, for a terminal."""
        return render.report(self, glyphs)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as `stored` in `cnncalc analyze --format json`."""
        return render.data(self)

    def __str__(self) -> str:
        return plain(self.lines())
