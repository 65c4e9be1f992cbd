"""The architectures that come with cnncalc, and the schema of their files."""

from __future__ import annotations

from typing import Any

from cnncalc import shelf
from cnncalc.record import Record
from cnncalc.shelf_figures import rows
from cnncalc.text import did_you_mean


class Architecture(Record):
    """One architecture that comes with cnncalc.

    Attributes
    ----------
    name : str
        What `cnncalc.load` takes.
    title, source : str
        The network's own name, and the paper or implementation.
    inputs : mapping of str to tuple of int
        Input shapes, channels last.
    params, activations, macs, depth : int
        Totals for one example.
    """

    name: str
    title: str
    source: str
    inputs: dict[str, tuple[int, ...]]
    params: int
    activations: int
    macs: int
    depth: int

    @property
    def path(self) -> str:
        """The path of the file."""
        path = shelf.path(self.name)
        assert path is not None
        return path

    @property
    def text(self) -> str:
        """The text of the file."""
        return read_text(self.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain data, as in `cnncalc list --format json`."""
        shapes = {name: list(shape) for name, shape in self.inputs.items()}
        return {name: shapes if name == "inputs" else getattr(self, name) for name in self._names}


def architectures() -> tuple[Architecture, ...]:
    """Return the architectures that come with cnncalc, sorted by name.

    Examples
    --------
    >>> import cnncalc
    >>> next(entry.params for entry in cnncalc.architectures() if entry.name == "lenet5")
    61706
    """
    return tuple(
        Architecture(**{**row, "inputs": {name: tuple(shape) for name, shape in row["inputs"].items()}})
        for row in rows()
    )


def read_text(name: str) -> str:
    """Return the file of an architecture.

    Raises
    ------
    KeyError
        If no architecture has this name.
    """
    path = shelf.path(name)
    if path is None:
        raise KeyError(did_you_mean(name, shelf.every_name()) or "`cnncalc list` shows the names")
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def schema() -> dict[str, Any]:
    """Return the JSON Schema of architecture files."""
    from cnncalc.readers.yaml.schema import schema

    return schema()
