"""Layers are shared within and between files, but one file must never affect the result of another."""

from __future__ import annotations

import random

import pytest

from cnncalc.analyses.budget import Limit, Policy
from cnncalc.checking.submission import Checked, Task, check_file
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers.yaml import layer_cache
from cnncalc.readers.yaml.reader import Overrides, read
from tests.helpers import TESTS

ROOT = TESTS
FILES = sorted(map(str, [*ROOT.glob("submissions/handed-in/**/*.yaml"), *ROOT.parent.glob("architectures/*.yaml")]))
TASK = Task(Policy(limits=(Limit("params", most=10**6), Limit("activation-memory", most=10**7))), metrics=True)


def forget() -> None:
    layer_cache.count_entries(layer_cache.MOST + 1)
    assert not layer_cache.layers
    assert not layer_cache.written


def alone(path: str) -> Checked:
    """Return the result of a file when no other was read before it."""
    forget()
    return check_file(path, TASK)


@pytest.mark.heavy
def test_files_do_not_affect_each_other() -> None:
    """Valid, invalid and hostile files in three orders have the same results as each one alone."""
    assert len(FILES) > 80
    expected = {path: alone(path) for path in FILES}
    assert {one.status for one in expected.values()} >= {"passed", "failed", "error"}
    forget()
    for seed in range(3):
        for path in random.Random(seed).sample(FILES, len(FILES)):
            assert check_file(path, TASK) == expected[path], path


def net(step: str, **parameters: str) -> Network:
    names = ", ".join(f"{name}: 1" for name in parameters)
    text = f"input: 8x8x4\nparams: {{{names}}}\nlayers: [{step}]\n"
    return read(Source("net.yaml", text), Overrides(parameters))


@pytest.mark.parametrize("written", ["conv: {filters: 4, kernel: KERNEL, pad: 1}", "maxpool: KERNEL"])
def test_equal_numbers_of_different_rank_are_distinct(written: str) -> None:
    """A kernel of 3x3x3 equals one of 3x3 as a number, but only the second fits an image, written or computed."""
    forget()
    for _ in range(2):
        net(written.replace("KERNEL", "3x3"))
        net(written.replace("KERNEL", "$k"), k="3x3")
        with pytest.raises(Refused, match="is for 3 axes"):
            net(written.replace("KERNEL", "3x3x3"))
        with pytest.raises(Refused, match="is for 3 axes"):
            net(written.replace("KERNEL", "$k"), k="3x3x3")


def test_equal_layers_are_one_object() -> None:
    """Within and between files, with fields that are written, computed or defaults."""
    forget()
    first, second = net("conv: {filters: 8, kernel: 3}"), net("conv: {kernel: $k, filters: 2 * 4}", k="3")
    assert second.nodes[1].layer == first.nodes[1].layer
    again = net("conv: {filters: 8, kernel: 3}")
    assert again.nodes[1].layer is first.nodes[1].layer
    assert again.nodes[1].statistics is first.nodes[1].statistics


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is cleared after a number of layers, but networks keep theirs."""
    forget()
    monkeypatch.setattr(layer_cache, "MOST", 100)
    first = net("conv: {filters: 8, kernel: 3}")
    for filters in range(1, 200):
        net(f"conv: {{filters: {filters}, kernel: 3}}")
        assert len(layer_cache.layers) <= 101
        assert len(layer_cache.written) <= 101
    assert first.nodes[1].output == (6, 6, 8)
    for filters in range(1, 200):  # also if every file is refused
        with pytest.raises(Refused):
            net(f"conv: {{filters: {filters}, kernel: 3}}, nonsense")
        with pytest.raises(Refused):
            net(f"conv: {{filters: {filters}, kernel: 9}}")
        assert len(layer_cache.layers) <= 101
        assert len(layer_cache.written) <= 101
