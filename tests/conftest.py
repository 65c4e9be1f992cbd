"""Options and fixtures of all tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cnncalc.cli import cli
from cnncalc.cli.run import run
from tests.helpers import Ended


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --overwrite` takes what is printed today as what is right."""
    parser.addoption("--overwrite", action="store_true", help="rewrite the stored outputs of golden/ and errors/")


@pytest.fixture
def overwrite(request: pytest.FixtureRequest) -> bool:
    """Are stored outputs to be rewritten?"""
    return bool(request.config.getoption("--overwrite"))


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command line within this process."""

    def command(*words: str) -> Ended:
        status = run(cli, words)
        return Ended(status, *capsys.readouterr())

    return command
