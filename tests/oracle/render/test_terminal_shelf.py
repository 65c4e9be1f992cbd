"""The whole shelf on terminals of 40, 80 and 200 columns."""

from __future__ import annotations

from pathlib import Path

from cnncalc import shelf
from tests.render.test_terminal import check, tables


def test_the_shelf(tmp_path: Path) -> None:
    names = shelf.names()
    check([*tables(names), *[["memory", name] for name in names], *[["explain", name] for name in names]], tmp_path)
