"""Options and fixtures of all tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --overwrite` takes what is printed today as what is right."""
    parser.addoption("--overwrite", action="store_true", help="rewrite the stored outputs of golden/ and errors/")


@pytest.fixture
def overwrite(request: pytest.FixtureRequest) -> bool:
    """Are stored outputs to be rewritten?"""
    return bool(request.config.getoption("--overwrite"))
