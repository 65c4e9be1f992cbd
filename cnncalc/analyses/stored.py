"""The parameters that a checkpoint stores, by module and type: all that is known about a model without its graph."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cnncalc.record import Record

_NUMBER = re.compile(r"(?:^|(?<=\.))[0-9]+(?=\.|$)")


class StoredTensor(Record):
    """One tensor: the module that holds it, its type, and its size in numbers and bits. None means that it is unknown."""

    module: str
    dtype: str
    numbers: int | None
    bits: int | None


class StoredPart(Record):
    """The tensors of one type in modules whose names differ only in numbers, such as `layers.*.mlp`.

    `numbers` and `bytes` are None if the size of one of them is unknown.
    """

    name: str
    dtype: str
    modules: int
    tensors: int
    numbers: int | None
    bytes: int | None


class Stored(Record):
    """The parts of a checkpoint in the order of their first tensors. `missing` are the names of files that are not there."""

    name: str
    file: str
    parts: tuple[StoredPart, ...]
    missing: tuple[str, ...] = ()

    @property
    def tensors(self) -> int:
        """The number of tensors."""
        return sum(part.tensors for part in self.parts)

    @property
    def numbers(self) -> int | None:
        """The number of parameters and buffers together; None if it is not known."""
        return _sum([part.numbers for part in self.parts])

    @property
    def bytes(self) -> int | None:
        """The bytes that they take; None if that is not known."""
        return _sum([part.bytes for part in self.parts])


def group(name: str, file: str, tensors: Iterable[StoredTensor], missing: tuple[str, ...] = ()) -> Stored:
    """Return the tensors of a checkpoint by module and type.

    >>> weights = [StoredTensor(f"h.{number}.attn", "F16", 6, 96) for number in range(12)]
    >>> print(group("gpt2", "model.safetensors", weights).parts[0])
    StoredPart(name='h.*.attn', dtype='F16', modules=12, tensors=12, numbers=72, bytes=144)
    """
    parts: dict[tuple[str, str], list[StoredTensor]] = {}
    for tensor in tensors:
        parts.setdefault((_NUMBER.sub("*", tensor.module), tensor.dtype), []).append(tensor)
    return Stored(name, file, tuple(_part(module, dtype, found) for (module, dtype), found in parts.items()), missing)


def _part(module: str, dtype: str, tensors: list[StoredTensor]) -> StoredPart:
    bits = _sum([None if tensor.bits is None else -(-tensor.bits // 8) for tensor in tensors])
    modules = len({tensor.module for tensor in tensors})
    return StoredPart(module, dtype, modules, len(tensors), _sum([tensor.numbers for tensor in tensors]), bits)


def _sum(numbers: list[int | None]) -> int | None:
    counts = [number for number in numbers if number is not None]
    return sum(counts) if len(counts) == len(numbers) else None
