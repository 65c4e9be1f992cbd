"""The page of `cnncalc report` in Chromium: its scripts run, those of a hostile network do not, and nothing is requested."""

from __future__ import annotations

import re
from pathlib import Path

import cnncalc
from cnncalc.reports.page import report_page
from tests.oracle.render.browser import Server, opened
from tests.render.html.pages import read
from tests.reports.test_page import hostile_report, shipped


def test_a_page_works(tmp_path: Path) -> None:
    """Titles are buttons, the curve has a slider that stands at the peak, and the console shows nothing."""
    page = tmp_path / "page.html"
    network = cnncalc.load("vgg16")
    page.write_text(network.report().to_html(), encoding="utf-8")
    elements, console = opened(page, tmp_path)
    assert console == []
    found = read(elements.partition("<!DOCTYPE html>")[2])
    titles = found.all("thead")[0].all("button")
    assert [title.text for title in titles] == ["layer", "output", "params", "activations", "MACs", "receptive field"]
    assert [one.attributes["type"] for one in found.all("input")] == ["range"]
    peak = network.memory().training_peak
    assert f"{peak:,} B" in found.all("div", "moment")[0].text


def test_hostile_names_run_nothing(server: Server, tmp_path: Path) -> None:
    """Even without the content security policy, which is a second line of defence."""
    host = f"http://localhost:{server.server_port}"
    harm = (
        f"<img src={host}/image onerror=console.log(1)>",
        f"<script src={host}/script></script>",
        f"</script><script>fetch('{host}/fetch')</script>",
        f"</style><style>*{{background:url({host}/background)}}</style>",
        f"</title><link rel=stylesheet href={host}/style>",
    )
    text = report_page([shipped("lenet5"), hostile_report(harm)])
    page = tmp_path / "page.html"
    page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", text), encoding="utf-8")
    elements, console = opened(page, tmp_path)
    assert "<button" in elements
    assert "http-equiv" not in elements
    assert console == []
    assert server.requests == []
