"""Coordinates as text."""

from __future__ import annotations


def coordinate(value: float) -> str:
    """Format a coordinate with at most two decimal places.

    >>> coordinate(12.0), coordinate(0.256), coordinate(-0.001)
    ('12', '0.26', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
