"""The memory view: areas are bytes, ticks are round, phases are marked, and no label leaves the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncalc.analyses.memory.peak import Run, infer, train
from cnncalc.analyses.totals import analyze
from cnncalc.drawing.draw import draw
from cnncalc.drawing.memory import bytes_of, memory_view, round_ticks, tick_label
from cnncalc.drawing.options import Options
from cnncalc.drawing.palette import MEMORY_KINDS
from cnncalc.drawing.scene import Path, Point, Polygon, Scene, Text
from cnncalc.loading import Spec, load
from cnncalc.render.memory import KINDS
from tests.drawing.geometry import flaws


def texts(scene: Scene) -> list[str]:
    """Return what is written."""
    return [item.text for item, _ in scene.flat() if isinstance(item, Text)]


def area(points: tuple[Point, ...]) -> float:
    """Return the area of a polygon."""
    pairs = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2


def step_of(name: str, optimizer: str = "adam", batch: int = 4) -> Run:
    """Return a training step of a shipped network."""
    return train(load(Spec(name)), batch, optimizer=optimizer)


@given(st.integers(1, 10**16))
def test_ticks_are_round(highest: int) -> None:
    """Steps of 1, 2 or 5 times a power of ten, at most six above 0, the last one at or above the highest value."""
    ticks = round_ticks(highest)
    step = ticks[1]
    assert ticks == [step * number for number in range(len(ticks))]
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert len(ticks) <= 7
    assert ticks[-2] < highest <= ticks[-1]
    labels = [tick_label(size, ticks[-1]) for size in ticks]
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 9


@pytest.mark.parametrize("name", ["lenet5", "vgg16", "resnet18", "unet", "mlp"])
@pytest.mark.parametrize("width", [None, 200.0, 900.0])
def test_it_is_drawn_without_a_flaw(name: str, width: float | None) -> None:
    """Of training and of inference."""
    for run in (step_of(name), infer(load(Spec(name)))):
        assert flaws(memory_view(run, f"{name}, batch 4, float32, adam", width)) == []


def test_areas_are_the_bytes_of_their_kind() -> None:
    """The area of each polygon is the sum over all moments, in the scale of the ticks."""
    run = step_of("resnet18")
    scene = memory_view(run, "ResNet-18")
    areas = {item.style.fill: area(item.points) for item, _ in scene.flat() if isinstance(item, Polygon)}
    sums = {
        f"memory-{kind.replace(' ', '-')}": sum(bytes_of(moment, kind) for moment in run.moments)
        for kind in MEMORY_KINDS
    }
    assert {name for name, size in sums.items() if size} == areas.keys()
    scale = areas["memory-activations"] / sums["memory-activations"]
    for name, found in areas.items():
        assert found == pytest.approx(sums[name] * scale, rel=1e-6), name
    assert sum(sums.values()) == sum(moment.live for moment in run.moments)


def test_kinds_are_those_of_the_report() -> None:
    """In the same order."""
    assert tuple(MEMORY_KINDS) == KINDS


def test_phases_and_peak_are_marked() -> None:
    """Each phase once, in order, with a line between; the peak with its exact bytes."""
    run = step_of("vgg16")
    scene = memory_view(run, "VGG-16")
    found = texts(scene)
    assert [text for text in found if text in ("forward", "backward", "optimizer")] == [
        "forward",
        "backward",
        "optimizer",
    ]
    assert f"peak {run.peak.live:,} bytes at {run.peak.at}, {run.peak.phase}" in found
    upright = [
        item for item, _ in scene.flat()
        if isinstance(item, Path) and item.points[0][0] == item.points[1][0] and not item.style.dash
    ]  # fmt: skip
    assert len(upright) == 2


def test_every_moment_has_its_bytes() -> None:
    """As tooltips; where there are too many, the highest of a few."""
    run = step_of("lenet5")
    titles = [group.title for group in memory_view(run, "LeNet-5").groups() if group.title]
    assert [int(title.split(": ")[-1].removesuffix(" bytes").replace(",", "")) for title in titles] == [
        moment.live for moment in run.moments
    ]
    long = step_of("densenet121", "sgd", 1)
    titles = [group.title for group in memory_view(long, "DenseNet-121").groups() if group.title]
    assert len(titles) <= 1000 < 2 * len(long.moments)
    assert any(f"{long.peak.live:,} bytes" in title for title in titles)


def test_the_view_is_that_of_memory_plot() -> None:
    """`draw --view memory` and `memory --plot` are the same picture."""
    analysis = analyze(load(Spec("lenet5")), 4)
    scene = draw(analysis, Options(view="memory", optimizer="adam"))
    assert scene == memory_view(step_of("lenet5"), "LeNet-5, batch 4, float32, adam")
    scene = draw(analysis, Options(view="memory", mode="infer"))
    assert "forward" in texts(scene)
    assert "backward" not in texts(scene)
