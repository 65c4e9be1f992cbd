"""Optional packages: the only place in cnncalc that imports onnx or torch by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cnncalc.readers.options import Missing


def import_optional(module: str, extra: str) -> Any:
    """Import a module of a package that the extra installs.

    Raises:
        Missing: The package is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise Missing(module.partition(".")[0], extra) from None
