"""The pictures of the README and the docs are those that the commands below them draw."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers import ROOT

PICTURES = ROOT / "docs" / "pictures"
DRAWINGS: dict[str, str] = runpy.run_path(str(PICTURES / "make.py"))["DRAWINGS"]


@pytest.mark.parametrize("name", DRAWINGS)
def test_pictures_are_current(name: str, ended: Callable[..., Any]) -> None:
    """`python docs/pictures/make.py` draws them anew."""
    done = ended("draw", *DRAWINGS[name].split(), "--theme", "auto")
    assert done.status == 0
    assert done.out == (PICTURES / name).read_text(encoding="utf-8")


def test_every_picture_of_the_page_follows_its_command() -> None:
    """The command before a picture has the arguments with which it was drawn."""
    text = (ROOT / "docs" / "drawing.md").read_text(encoding="utf-8")
    shown = re.findall(r"```sh\ncnncalc draw (.*) -o (.*)\n```\n\n!\[[^]]+\]\(pictures/(.*)\)", text)
    assert {picture: words for words, _, picture in shown} == DRAWINGS
    assert all(file == picture for _, file, picture in shown)
