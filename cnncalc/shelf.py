"""Finds the architectures shipped with cnncalc, in a wheel, an editable install or a checkout."""

from __future__ import annotations

import os

SUFFIX = ".yaml"
FAMILIES = "transformers"  # the folder of the architectures of families, which a `config.json` of transformers fills in


def folder() -> str:
    """Return the folder of the files: inside the installed package, or next to it in a checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(package, "architectures")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), "architectures")


def names() -> list[str]:
    """Return the names of the shipped architectures without those of families, sorted."""
    return _names_in(folder())


def every_name() -> list[str]:
    """Return these names and those of the families, sorted."""
    return sorted({*names(), *_names_in(os.path.join(folder(), FAMILIES))})


def _names_in(place: str) -> list[str]:
    try:
        files = os.listdir(place)
    except FileNotFoundError:
        return []
    return sorted(name[: -len(SUFFIX)] for name in files if name.endswith(SUFFIX))


def path(name: str) -> str | None:
    """Return the path of a shipped architecture; None if there is none of that name."""
    if not name or not all(char.isalnum() or char in "_-" for char in name):
        return None
    places = (os.path.join(folder(), name + SUFFIX), os.path.join(folder(), FAMILIES, name + SUFFIX))
    return next((file for file in places if os.path.isfile(file)), None)
