"""The page of `check` in Chromium, with scripts on: nothing from a submission runs, and nothing is requested."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tests.render.test_checks import FOLDER, POLICY
from tests.render.test_class_reports import HOSTILE, checked, hostile_class

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1" and BROWSER is None:
    pytest.skip("Chromium, the oracle of these tests, is not installed", allow_module_level=True)


class Server(HTTPServer):
    """A server on this machine that notes every request."""

    requests: list[str]


class Answer(BaseHTTPRequestHandler):
    """Notes a request and finds nothing."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.requests.append(self.path)
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Answer)
    found.requests = []
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def opened(page: Path, folder: Path) -> tuple[str, list[str]]:
    """The elements of a page after its scripts have run, and what the browser's console shows."""
    assert BROWSER is not None
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder / 'profile'}")
    watch = ("--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom")
    done = subprocess.run(
        [BROWSER, *options, *watch, page.as_uri()], capture_output=True, encoding="utf-8", check=True, timeout=120
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


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
