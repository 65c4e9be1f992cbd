"""Fixtures of the tests that run frameworks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.oracle.plans")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Run PyTorch in one thread: small tensors gain nothing from more, and threads wait for each other on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
