"""Searches are compared with brute force: every choice is loaded anew, as a command would, and measured by itself."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.memory.peak import train
from cnncalc.analyses.quantities import LIMITS
from cnncalc.analyses.totals import analyze
from cnncalc.layers import KINDS
from cnncalc.loading import LoadOptions, Spec, load
from cnncalc.problem import Problem, Refused
from cnncalc.search import find as finding
from cnncalc.search.family import Family
from cnncalc.search.find import Answer, find
from cnncalc.search.order import GROWING_FIELDS, SHRINKING
from cnncalc.search.question import Bound, Goal, Question, Run, measure
from cnncalc.search.ranges import read_range
from cnncalc.shape import Shape
from tests.search.families import CASES, PROVEN, Case

PATTERN = {"kernel": "3", "units": "16", "classes": "10", "K": "1", "pool": "true"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


def options_of(case: Case) -> LoadOptions:
    return LoadOptions({"": "24x24x3"}, PATTERN) if case.spec.startswith("INPUT") else LoadOptions()


def spec_of(case: Case, folder: Path) -> Spec:
    if "\n" not in case.spec:
        return Spec(case.spec, line=case.line)
    number = next(place for place, other in enumerate(CASES.values()) if other.spec == case.spec)
    path = folder / f"{number}.yaml"
    path.write_text(case.spec)
    return Spec(str(path))


def family_of(case: Case, folder: Path) -> Family:
    return Family(spec_of(case, folder), options_of(case), [read_range(text) for text in case.vary])


Found = tuple[tuple[str, ...], dict[str, int | None], Any]


def brute_force(case: Case, folder: Path) -> tuple[list[Found], int]:
    """Every choice that meets the limits, with its figures and its goal, and the number of valid networks."""
    spec, ranges = spec_of(case, folder), [read_range(text) for text in case.vary]
    names = [one.name for one in ranges]
    channels = 3 if case.spec.startswith("INPUT") else load(spec).inputs[0].output[-1]
    valid, found = 0, []
    for values in itertools.product(*[one.values for one in ranges]):
        base = options_of(case)
        inputs, parameters, changes, batch = dict(base.inputs), dict(base.parameters), [], 1
        for name, value in zip(names, values, strict=True):
            if name == "batch":
                batch = int(value)
            elif name in ("input", "left", "right"):
                inputs["" if name == "input" else name] = f"{value}x{value}x{channels}"
            elif "." in name:
                changes.append(f"{name}={value}")
            else:
                parameters[name] = value
        try:
            network = load(spec, LoadOptions(inputs, parameters, tuple(changes)))
        except Refused:
            continue
        valid += 1
        analysis = analyze(network, batch)
        figures: dict[str, int | None] = {}
        for name in {case.goal.name, "params", "macs", *(bound.quantity for bound in case.bounds)} - set(names):
            figures[name] = train(network, batch).peak.live if name == "memory" else LIMITS[name].number(analysis)
        goal = figures.get(case.goal.name)
        if case.goal.name in names:
            goal = int(values[names.index(case.goal.name)]) ** (2 if case.goal.name == "input" else 1)
        if goal is not None and all(bound.holds(figures[bound.quantity]) for bound in case.bounds):
            found.append((values, figures, goal))
    return found, valid


def costs_of(case: Case) -> list[str]:
    limited = [bound.quantity for bound in case.bounds if bound.most is not None]
    wanted = [bound.quantity for bound in case.bounds if bound.most is None]
    names = dict.fromkeys([*limited, "params", "macs"])
    return [name for name in names if name != case.goal.name and name not in wanted]


def scored(case: Case, figures: dict[str, int | None], goal: Any) -> tuple[Any, ...]:
    sign = 1 if case.goal.largest else -1
    return (sign * goal, *(-(figures[name] or 0) for name in costs_of(case)))


def test_there_are_enough_families() -> None:
    assert len(CASES) >= 25
    assert len(PROVEN) >= 15


@pytest.mark.parametrize("name", CASES)
def test_against_brute_force(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying all finds the best one and every trade-off; skipping ranges finds an equally good one."""
    case = CASES[name]
    expected, valid = brute_force(case, folder)
    question = Question(case.bounds, case.goal)
    family = family_of(case, folder)
    answer = find(family, question, every=True, jobs=1)
    assert (answer.tried, answer.valid, answer.growing) == (family.size, valid, ())
    assert answer.unmet + answer.unknown == valid - len(expected)
    best = max((scored(case, figures, goal) for _, figures, goal in expected), default=None)
    assert score_of(answer) == best
    points = {scored(case, figures, goal) for _, figures, goal in expected}
    kept = {one for one in points if not any(beats(other, one) for other in points)}
    assert {scored(case, one.figures, one.goal) for one in answer.front} == kept
    by_values = {values: (figures, goal) for values, figures, goal in expected}
    for one in answer.front:
        assert by_values[tuple(family.values(one.choice).values())] == (one.figures, one.goal)

    monkeypatch.setattr(finding, "FEW", 0)
    skipping = find(family_of(case, folder), question, jobs=1)
    assert skipping.growing == PROVEN.get(name, ())
    assert skipping.best == answer.best
    assert skipping.tried <= answer.tried
    if case.vary == ("conv1.filters=1..40",):
        assert skipping.tried < 20


@pytest.mark.parametrize("jobs", [2, 3])
def test_processes_give_the_same_answer(jobs: int, folder: Path) -> None:
    case = CASES["two fields"]
    question = Question(case.bounds, case.goal)
    alone, together = (find(family_of(case, folder), question, every=True, jobs=count) for count in (1, jobs))
    assert together.candidates == alone.candidates
    assert together.front == alone.front
    assert together.tried == 196


def test_resnet50_is_quick() -> None:
    """Few of the inputs are tried, and the others are proven to be worse."""
    family = Family(Spec("resnet50"), LoadOptions(), [read_range("input=32..2000")])
    answer = find(family, Question((Bound("macs", None, 4 * 10**9),), Goal("input")))
    assert answer.growing == ("input",)
    assert answer.tried < 40
    assert answer.best is not None
    assert family.values(answer.best.choice) == {"input": "216"}
    macs = [load(Spec("resnet50"), LoadOptions({"": f"{side}x{side}x3"})) for side in (216, 217)]
    assert [analyze(network).totals.macs <= 4 * 10**9 for network in macs] == [True, False]
    assert answer.best.figures["macs"] == analyze(macs[0]).totals.macs


# what the proofs rest on ----------------------------------------------------------------------------------------------


def random_layer(kind: str, chance: random.Random) -> Any:
    """A layer with random fields, of those that a network can have."""
    fields: dict[str, Any] = {}
    if kind in ("conv", "maxpool", "avgpool"):
        fields["kernel"] = chance.choice([1, 2, 3, 5, 7, (1, 3), (4, 2)])
        fields["stride"] = chance.choice([1, 1, 2, 3, (2, 1)])
        fields["pad"] = chance.choice([0, 0, 1, 2, "same"])
        if kind == "conv":
            fields["groups"] = chance.choice([1, 1, 2, 4])
            fields["filters"] = fields["groups"] * chance.randint(1, 6)
            fields["dilation"] = chance.choice([1, 1, 2])
            fields["bias"] = chance.choice([True, False])
        else:
            fields["ceil"] = chance.choice([True, False])
    elif kind in ("fc", "linear"):
        fields["units"] = chance.randint(1, 50)
    elif kind == "dropout":
        fields["rate"] = 0.5
    return KINDS[kind](**fields)


def facts(layer: Any, shapes: tuple[Shape, ...]) -> tuple[Shape, dict[str, int]]:
    found = layer.statistics(shapes)
    found.count()
    counts = {"weights": found.weights, "biases": found.biases, "buffers": found.buffers, "macs": int(found.macs)}
    return found.output, {**counts, "size": found.size, "in place": layer.in_place}


@pytest.mark.parametrize("kind", sorted(SHRINKING))
def test_kinds_never_fall(kind: str) -> None:
    """Larger inputs and larger growing fields: the output and all counts are at least as large."""
    chance = random.Random(kind)
    compared = 0
    for _ in range(400):
        rank = chance.choice([2, 2, 2, 1, 0]) if kind not in ("conv", "maxpool", "avgpool") else 2
        small = [*(chance.randint(1, 20) for _ in range(rank)), 4 * chance.randint(1, 4)]
        large = [side + chance.choice([0, 0, 1, 1, 2, 7]) for side in small]
        large[-1] = small[-1] + 4 * chance.randint(0, 2)
        layer = random_layer(kind, chance)
        bigger = layer
        for field in GROWING_FIELDS.get(kind, ()):
            step = getattr(layer, "groups", 1)
            values = {**layer.nondefault_fields, field: getattr(layer, field) + step * chance.randint(0, 3)}
            bigger = KINDS[kind](**values)
        several = 2 if kind in ("add", "concat") else 1
        try:
            before, after = (facts(one, (Shape(size),) * several) for one, size in ((layer, small), (bigger, large)))
        except Problem:
            continue
        compared += 1
        assert len(before[0]) == len(after[0])
        assert all(x <= y for x, y in zip(before[0], after[0], strict=True)), (layer, small, large)
        assert all(after[1][name] >= count for name, count in before[1].items()), (layer, small, large)
        # a window's output grows by at most as much as its input, which the proof for projections needs
        if rank and len(before[0]) == len(small) and kind != "concat":
            grown = [b - a for a, b in zip(before[0].spatial, after[0].spatial, strict=True)]
            assert all(step <= y - x for step, x, y in zip(grown, small, large, strict=False)), (layer, small, large)
    assert compared > 50


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "mobilenet_v2", "vgg11", "unet"])
def test_memory_never_falls_with_the_batch(name: str) -> None:
    network = load(Spec(name))
    for figure in ("memory", "training-memory", "inference-memory", "activation-memory"):
        for mode in ("train", "infer"):
            run = Run(mode=mode, optimizer="adam")
            sizes = [question_figure(network, figure, run, batch) for batch in (1, 2, 3, 7, 50)]
            assert sizes == sorted(sizes)


def question_figure(network: Any, name: str, run: Run, batch: int) -> int:
    figures, _ = measure(network, Question((), Goal(name), run), batch)
    figure = figures[name]
    assert figure is not None
    return figure


def beats(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def score_of(answer: Answer) -> tuple[Any, ...] | None:
    case = Case("", (), answer.question.bounds, answer.question.goal)
    return None if answer.best is None else scored(case, answer.best.figures, answer.best.goal)
