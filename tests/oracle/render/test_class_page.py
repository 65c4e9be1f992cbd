"""The page of `check` in Chromium, with scripts on: nothing from a submission runs, and nothing is requested."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.helpers import ROOT
from tests.oracle.render.browser import Server, opened
from tests.render.test_checks import FOLDER, POLICY
from tests.render.test_class_reports import HOSTILE, checked, hostile_class


def test_the_oracle_notices_scripts_and_requests(server: Server, tmp_path: Path) -> None:
    """A harmful page is noticed, so that the next test can fail."""
    page = tmp_path / "page.html"
    page.write_text(
        f"<title>a</title><img src='http://127.0.0.1:{server.server_port}/x' onerror='document.title=2;console.log(3)'>"
    )
    elements, console = opened(page, tmp_path)
    assert "<title>2</title>" in elements
    assert console
    assert server.requests == ["/x"]


def test_no_submission_runs_anything(server: Server, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    hostile_class(work)
    host = f"http://127.0.0.1:{server.server_port}"
    for number, markup in enumerate(
        (
            f"<img src={host}/image>",
            f"<link rel=stylesheet href={host}/style>",
            f"<script src={host}/script></script>",
            f"<iframe src={host}/frame></iframe>",
            f"</script><script>fetch('{host}/fetch');document.title=8</script>",
            f"</style><style>*{{background:url({host}/background)}}</style>",
            f"<svg><image href={host}/svg></svg>",
            f"<meta http-equiv=refresh content='0;url={host}/refresh'>",
        )
    ):
        (work / f"layer{number}.yaml").write_text(f'input: 8x8x3\nlayers:\n  - "{markup}"\n')
        (work / f"name{number}.yaml").write_text(
            f'input: 8x8x3\nlayers:\n  - {{fc: 10, as: "{markup[:60]}", expect: 11}}\n'
        )
    for name in (ROOT / FOLDER).iterdir():
        shutil.copy(name, work)
    page = tmp_path / "page.html"
    ask = ("--policy", ROOT / POLICY, "--leaderboard", "params", "--format", "html")
    checked("work", *ask, "-o", page, cwd=tmp_path, status=1)
    elements, console = opened(page, tmp_path)
    total = len(HOSTILE) + 1 + 16 + 40
    assert f"<title>cnncalc check: {total} files</title>" in elements
    assert console == []
    assert server.requests == []
    assert re.search(r'<form class="filters">', elements)  # shown by the page's own script
    assert elements.count('class="copy"') == total
    assert f"{total} files</output>" in elements
