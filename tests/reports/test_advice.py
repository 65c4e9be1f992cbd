"""With limits, a report shows the first change that meets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import cnncalc
from tests.helpers import Ended
from tests.render.html.pages import read


def texts(page: str, tag: str) -> list[str]:
    return [" ".join(one.text.split()) for one in read(page).all(tag)]


def test_the_page_has_the_first_advice() -> None:
    network = cnncalc.load("lenet5")
    limits = {"params": "30k", "macs": "1M"}
    page = network.report(limits=limits).to_html()
    advice = network.advise(limits).advice[0]
    assert "Limits" in texts(page, "h2")
    found = texts(page, "li")
    assert "params 61,706, over the limit of 30,000 by 31,706" in found
    assert "MACs 416,520 (417K), within the limit of 1,000,000 (1.00M)" in found
    assert f"{advice.rewrite.title}, in {advice.place} ({advice.rewrite.name})" in found
    assert f"Effect: {advice.rewrite.effect}" in texts(page, "p")
    old, new = texts(page, "pre")[0].split(" + ")
    assert (f"- {advice.edits[0].old}", (advice.edits[0].new[0])) == (old, new)


def test_markdown_has_it_as_a_diff() -> None:
    text = cnncalc.load("lenet5").report(limits={"params": "30k"}).to_markdown()
    assert "* params 61,706, over the limit of 30,000 by 31,706" in text
    assert "```diff\n- conv: {filters: 120, kernel: 5}\n+ conv: {filters: 120, kernel: 5, groups: 4}\n```" in text


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("1M", ["within the limit of 1,000,000"]),
        ("1", ["No change meets the limits. This comes closest:"]),
        ("10k", ["What to change to meet the limits:", "1. ", "Effect: "]),
    ],
)
def test_every_outcome(limit: str, words: list[str]) -> None:
    """Kept, out of reach, and met by several changes together."""
    text = cnncalc.load("lenet5").report(limits={"params": limit}).to_markdown()
    assert all(word in text for word in words)
    assert "Limits" not in cnncalc.load("lenet5").report().to_html()


def test_the_command(ended: Callable[..., Ended], tmp_path: Path) -> None:
    file = tmp_path / "net.md"
    done = ended("report", "lenet5", "--max-params", "30k", "--max", "depth=9", "-o", str(file))
    assert (done.status, done.err) == (0, "")
    text = file.read_text(encoding="utf-8")
    assert "depth 5, within the limit of 9" in text
    assert ended("report", "lenet5", "--max", "dept=9", "-o", str(file)).status == 2
    assert "`much` is not a limit for params" in ended("report", "lenet5", "--max-params", "much", "-o", str(file)).err
