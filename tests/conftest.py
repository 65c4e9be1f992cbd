"""Options and fixtures of all tests."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from cnncalc.cli import cli
from cnncalc.cli.run import run
from tests.helpers import Ended


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --overwrite` stores the current output as the expected one."""
    parser.addoption("--overwrite", action="store_true", help="rewrite the stored outputs of golden/ and errors/")


def pytest_collection_finish() -> None:
    """Collect garbage as seldom as the program does, and never look at the thousands of collected tests again.

    Otherwise, tests that bound the time of an input measure the size of this process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 50)


@pytest.fixture
def overwrite(request: pytest.FixtureRequest) -> bool:
    """Return whether to rewrite stored outputs."""
    return bool(request.config.getoption("--overwrite"))


@pytest.fixture
def calm_collector() -> Iterator[None]:
    """Turn the garbage collector off, as the program does: frameworks leave so many objects that collections are slow."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 50)
    gc.freeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return a function that runs a command line in this process."""

    def command(*words: str) -> Ended:
        status = run(cli, words)
        return Ended(status, *capsys.readouterr())

    return command
