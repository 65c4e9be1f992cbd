"""Read whole numbers from the flexbuffer in which custom operators store their options (FlexBuffers, "flexbuffers.h").

The buffer ends with the root: its value, its type, and the number of its bytes. A map is a vector of values, with the
offset of its keys before it, and a byte with the type of each value after it.
"""

from __future__ import annotations

from collections.abc import Sequence

_INT, _UINT, _BOOL, _INDIRECT, _MAP = 1, 2, 26, (6, 7), 9
_MOST = 1000  # entries of a map


def whole_numbers(data: bytes, names: Sequence[str]) -> dict[str, int]:
    """Return those of the named entries of a map that are whole numbers. Damaged bytes have none."""
    try:
        return _read_map(data, names)
    except IndexError:
        return {}


def _number(data: bytes, place: int, width: int) -> int:
    if place < 0 or place + width > len(data) or width not in (1, 2, 4, 8):
        raise IndexError
    return int.from_bytes(data[place : place + width], "little")


def _read_map(data: bytes, names: Sequence[str]) -> dict[str, int]:
    width, kind = _number(data, len(data) - 1, 1), _number(data, len(data) - 2, 1)
    root = len(data) - 2 - width
    if kind >> 2 != _MAP:
        return {}
    start = root - _number(data, root, width)
    wide = 1 << (kind & 3)
    count = _number(data, start - wide, wide)
    key_width = _number(data, start - 2 * wide, wide)
    keys = start - 3 * wide - _number(data, start - 3 * wide, wide)
    found: dict[str, int] = {}
    for number in range(min(count, _MOST)):
        at = keys + number * key_width
        key = at - _number(data, at, key_width)
        end = data.find(b"\0", max(key, 0))
        name = data[max(key, 0) : end if 0 <= end <= key + 64 else key + 64].decode("latin-1")
        type = _number(data, start + count * wide + number, 1)
        value = start + number * wide
        if name not in names:
            continue
        if type >> 2 in _INDIRECT:
            value, width = value - _number(data, value, wide), 1 << (type & 3)
        elif type >> 2 in (_INT, _UINT, _BOOL):
            width = wide
        else:
            continue
        found[name] = _number(data, value, width)
    return found
