"""Damaged and malicious archives. Tests build them; they are never stored."""

import io
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ARCHIVES = Path(__file__).parent / "archives"
HOSTILE = "\x1b[2J\x1b[31m::error::pwned ##[error]x \u202e\r\n::error::x"
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 3, 2**31, 2**63, 10**400, 1.5, float("inf"), float("nan"), "", "x", HOSTILE, "s0", [], {}, [[]],
    {"as_int": -5}, {"as_int": 2**62}, {"as_none": True}, {"as_ints": [0, 0]}, {"as_tensor": {"name": "x"}}, {"as_int": 10**400},
    {"as_expr": {"expr_str": "1//0"}}, {"as_expr": {"expr_str": "9**9**9"}}, {"as_string": "valid"}, {"as_tensors": []},
    {"as_expr": {"expr_str": "(" * 500}}, [2**40], [-1], [1.5], ["x"],
)  # fmt: skip


def archive(members: dict[str, bytes | str], **options: Any) -> bytes:
    """Return the bytes of a zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return stream.getvalue()


def program(name: str) -> Any:
    """Return the JSON of a stored archive."""
    with zipfile.ZipFile(ARCHIVES / f"{name}.pt2") as source:
        member = next(each for each in source.namelist() if each.endswith(("model.json", "program.json")))
        return json.loads(source.read(member))


def packed(top: Any) -> bytes:
    """Return an archive with this program."""
    return archive({"m/models/model.json": top if isinstance(top, (str, bytes)) else json.dumps(top)})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in JSON."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if key not in ("metadata", "module_call_graph"):
            yield from places(inner, (*path, key))


def mutants(name: str, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield archives in which one to three values are removed, replaced, exchanged or repeated."""
    source = random.Random(seed)
    text = json.dumps(program(name))
    paths = list(places(json.loads(text)))
    for number in range(count):
        top = json.loads(text)
        done = []
        for _ in range(source.choice((1, 1, 1, 2, 3))):
            path = source.choice(paths)
            holder = find(top, path[:-1])
            if holder is None or not has(holder, path[-1]):
                continue
            kind = source.randrange(5)
            other = find(top, source.choice(paths))
            if kind == 0:
                del holder[path[-1]]
            elif kind in (1, 2):
                holder[path[-1]] = source.choice(VALUES)
            elif kind == 3:
                holder[path[-1]] = json.loads(json.dumps(other))
            elif isinstance(holder, list):
                holder.insert(source.randrange(len(holder) + 1), json.loads(json.dumps(holder[path[-1]])))
            done.append(f"{kind} at {'.'.join(map(str, path))}")
        yield f"{name} {number}: {'; '.join(done)}", packed(top)


def has(holder: Any, key: Any) -> bool:
    """Return whether an object or a list has this entry."""
    return (
        key in holder
        if isinstance(holder, dict)
        else isinstance(holder, list) and isinstance(key, int) and key < len(holder)
    )


def find(top: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a path, or None if it is gone."""
    for key in path:
        if not has(top, key):
            return None
        top = top[key]
    return top
