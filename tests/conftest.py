"""Options and fixtures of all tests."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

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
def calm_collector() -> Iterator[None]:
    """As the program itself runs: looking for cycles takes longer the more there is, and frameworks leave much behind."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 50)
    gc.freeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command line within this process."""

    def command(*words: str) -> Ended:
        status = run(cli, words)
        return Ended(status, *capsys.readouterr())

    return command
