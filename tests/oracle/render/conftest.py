"""Fixtures of the tests in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.oracle.render.browser import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on this machine that notes every request."""
    from tests.oracle.render.browser import serve  # skips where there is no browser

    with serve() as found:
        yield found
