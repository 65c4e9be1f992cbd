"""docs/teaching.md lists every mistake that is recognized, in the order of the table."""

from __future__ import annotations

import re

from cnncalc.analyses.mistakes.table import MISTAKES
from tests.helpers import ROOT


def test_the_page_lists_every_mistake() -> None:
    text = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(name, kind.title, kind.advice) for name, kind in MISTAKES.items()]
