"""Chromium as the oracle of pages, and a server that notes every request."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if os.environ.get("CNNCALC_REQUIRE_BROWSER") != "1" and BROWSER is None:
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


@contextmanager
def serve() -> Iterator[Server]:
    """Run the server until the end of the block."""
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
