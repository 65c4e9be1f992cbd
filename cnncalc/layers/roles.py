"""The role of a parameter: a weight is multiplied with the input, a bias is added. Its name decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import SupportsInt


def has_bias_role(name: str) -> bool:
    """Return whether a layer's parameter of that name is a bias: `bias`, or `bias` with a suffix for one of several."""
    return name.startswith("bias")


def sum_by_role(counts: Mapping[str, SupportsInt]) -> tuple[int, int]:
    """Return the numbers of weights and of biases among parameters by name.

    >>> sum_by_role({"weight": 9, "bias": 1, "gain": 2})
    (11, 1)
    """
    weights = biases = 0
    for name, count in counts.items():
        if has_bias_role(name):
            biases += int(count)
        else:
            weights += int(count)
    return weights, biases
