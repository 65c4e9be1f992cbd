"""State what was counted for weights that are quantized or stored sparse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from cnncalc.problem import Problem
from cnncalc.readers.onnx.graph import Tensor
from cnncalc.text import quoted

# number of a type in ONNX -> its name and its bits (onnx.proto of IR version 13)
STORAGE: dict[int, tuple[str, int]] = {
    1: ("float32", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16), 6: ("int32", 32),
    7: ("int64", 64), 9: ("bool", 8), 10: ("float16", 16), 11: ("float64", 64), 12: ("uint32", 32), 13: ("uint64", 64),
    16: ("bfloat16", 16), 17: ("float8e4m3fn", 8), 18: ("float8e4m3fnuz", 8), 19: ("float8e5m2", 8),
    20: ("float8e5m2fnuz", 8), 21: ("uint4", 4), 22: ("int4", 4), 23: ("float4e2m1", 4), 24: ("float8e8m0", 8),
    25: ("uint2", 2), 26: ("int2", 2),
}  # fmt: skip
_PLAIN = frozenset({1, 6, 7, 9, 10, 11, 12, 13, 16})  # types that do not show that weights are quantized


def storage_notes(tensors: Iterable[Tensor], sparse: Iterable[tuple[str, int, int]]) -> Iterator[Problem]:
    """Yield notes on the tensors that were counted, and on sparse ones: each a name, its numbers, and those stored."""
    numbers: Counter[int] = Counter()
    for tensor in tensors:
        if tensor.type in STORAGE:
            numbers[tensor.type] += tensor.size
    if numbers.keys() - _PLAIN:
        parts = [_part(*STORAGE[type], count) for type, count in numbers.most_common()]
        text = (
            f"the file stores {_joined(parts)}; each weight counts as one parameter, and each product with a weight as "
        )
        text += "one multiply-add, whatever the type; scales and zero points do not count"
        help = "memory is computed with one type for all numbers, which `--dtype` sets, such as `--dtype int8`"
        yield Problem("quantized-weights", text, help, level="note")
    few = list(sparse)
    if few:
        stored, count = sum(one[2] for one in few), sum(one[1] for one in few)
        text = f"{quoted([one[0] for one in few], 'and', 3)} {'is' if len(few) == 1 else 'are'} stored sparse, as "
        text += f"{stored:,} of {count:,} numbers; all {count:,} count as parameters and in multiply-adds"
        yield Problem("sparse-weights", text, level="note")


def _part(name: str, bits: int, count: int) -> str:
    return f"{count:,} weights as {name} ({-(-count * bits // 8):,} bytes)"


def _joined(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
