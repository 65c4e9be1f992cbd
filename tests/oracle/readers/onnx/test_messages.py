"""The decoder of protobuf messages against the package onnx: the same table of fields, and the same contents of every file."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from cnncalc.readers.onnx.file import strip_payloads
from cnncalc.readers.onnx.messages import FIELDS, BadMessage, BadText, Message, decode
from tests.helpers import TESTS

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("onnx", reason="onnx, the oracle of these tests, is not installed")

import onnx
from google.protobuf.message import DecodeError

FILES = sorted((TESTS / "reference" / "onnx").glob("*.onnx"))
TYPES = {
    "int64": "TYPE_INT64", "int32": "TYPE_INT32", "uint64": "TYPE_UINT64", "float": "TYPE_FLOAT", "double": "TYPE_DOUBLE",
    "bytes": "TYPE_BYTES", "text": "TYPE_STRING", "enum": "TYPE_ENUM",
}  # fmt: skip


def descriptor_of(kind: str) -> Any:
    """The description of a message in the package onnx, by the name in the table."""
    outer, _, inner = kind.partition(".")
    found = onnx.ModelProto.DESCRIPTOR.file.message_types_by_name[outer + "Proto"]
    return found.nested_types_by_name[inner] if inner else found


@pytest.mark.parametrize("kind", [kind for kind in FIELDS if kind != "Other"])
def test_fields_are_those_of_onnx(kind: str) -> None:
    """Number, name, type and repetition of every field."""
    fields = descriptor_of(kind).fields_by_number
    for number, (name, type) in FIELDS[kind].items():
        field = fields[number]
        assert field.name == name
        assert field.is_repeated is type.startswith("*")
        written = type.lstrip("*")
        if written in TYPES:
            assert field.type == getattr(field, TYPES[written])
        elif written != "Other":
            assert field.message_type is descriptor_of(written)


def differences(ours: Message, theirs: Any, path: str) -> Iterator[str]:
    """Yield the places where two messages differ."""
    for name, type in FIELDS[ours._kind].values():
        mine, other, kind = getattr(ours, name), getattr(theirs, name), type.lstrip("*")
        if type.startswith("*"):
            if len(mine) != len(other):
                yield f"{path}.{name}: {len(mine)} items, not {len(other)}"
            for one, two in zip(mine, other, strict=False):
                if kind in FIELDS:
                    yield from differences(one, two, f"{path}.{name}")
                elif one != two and one == one:
                    yield f"{path}.{name}: {one!r}, not {two!r}"
        elif kind in FIELDS or ours._kind == "TensorShape.Dimension":
            if ours.has(name) is not theirs.HasField(name):
                yield f"{path}.{name}: set or not"
            if kind in FIELDS and kind != "Other" and ours.has(name):
                yield from differences(mine, other, f"{path}.{name}")
        elif mine != other and mine == mine and kind != "Other":
            yield f"{path}.{name}: {mine!r}, not {other!r}"


def compare(data: bytes) -> bool | None:
    """Compare the two readings of some bytes. Return whether both accept them; None if only one of them does."""
    theirs = onnx.ModelProto()
    try:
        theirs.ParseFromString(data)
        accepted = True
    except DecodeError:
        accepted = False
    try:
        ours = decode("Model", data)
    except BadMessage:
        return None if accepted else False
    if not accepted:
        return None
    assert [*differences(ours, theirs, "model")] == []
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_contents_are_those_of_onnx(path: Any) -> None:
    assert compare(strip_payloads(path.read_bytes(), 2**24))


def mutants(data: bytes, number: int, dice: random.Random) -> Iterator[bytes]:
    """Yield the data with some bits flipped, with bytes inserted or removed, and with numbers that are too large."""
    for _ in range(number):
        changed = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(changed))
            way = dice.randrange(4)
            if way == 0:
                changed[place] ^= 1 << dice.randrange(8)
            elif way == 1:
                changed[place:place] = dice.randbytes(dice.randint(1, 3))
            elif way == 2:
                del changed[place : place + dice.randint(1, 30)]
            else:
                changed[place : place + 1] = b"\xff" * dice.randint(1, 11)
        yield bytes(changed)


def check_mutants(number: int, seed: int) -> None:
    """Compare mutants of every file.

    cnncalc refuses groups and texts that are not UTF-8, and does not look into fields that it does not use.
    """
    dice = random.Random(seed)
    results = []
    for path in FILES:
        data = strip_payloads(path.read_bytes(), 2**24)
        results += [compare(mutant) for mutant in mutants(data, number // len(FILES) + 1, dice)]
    assert results.count(True) > number // 20
    assert results.count(False) > number // 4
    assert results.count(None) < number // 10


def test_mutants_are_read_as_by_onnx() -> None:
    check_mutants(100, 1)


@pytest.mark.heavy
def test_many_mutants_are_read_as_by_onnx() -> None:
    check_mutants(2000, 2)


@pytest.mark.heavy
def test_cut_files_are_refused_as_by_onnx() -> None:
    """Every 97th byte can be the last."""
    for path in FILES[:6]:
        data = strip_payloads(path.read_bytes(), 2**24)
        for end in range(0, len(data), 97):
            assert compare(data[:end]) is not None


def test_nested_messages_are_bounded() -> None:
    """Graphs in attributes in nodes in graphs: the depth of protobuf is accepted, and no depth overflows the stack."""

    def nested(depth: int) -> bytes:
        data = b""
        for _ in range(depth):
            for tag in (b"\x32", b"\x2a", b"\x0a"):  # attribute.g, node.attribute, graph.node
                data = tag + varint(len(data)) + data
        return b"\x3a" + varint(len(data)) + data

    assert compare(nested(25)) is True
    for depth in (40, 1000, 5000):
        with pytest.raises(BadMessage):
            decode("Model", nested(depth))


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadText):
        decode("Model", b"\x3a\x03\x12\x01\xff")
