"""The best network of a family within limits: what `cnncalc fit` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.api.errors import CnncalcError, check_mapping, check_text
from cnncalc.api.guard import public_errors
from cnncalc.api.loading import options_of
from cnncalc.loading import LoadOptions, Spec
from cnncalc.render import search as render
from cnncalc.render.lines import UNICODE, plain
from cnncalc.search.family import Family
from cnncalc.search.find import Answer, find
from cnncalc.search.question import MODES, NAMES, SIZES, Bound, Goal, Question, Run
from cnncalc.search.ranges import read_range
from cnncalc.text import show
from cnncalc.units import DTYPES, HALVES, parse_count, parse_size

if TYPE_CHECKING:
    from cnncalc.api.network import Network

__all__ = ["MODES", "NAMES", "Search", "find_best", "make_question", "search_spec"]

Values = str | Sequence[object]
Limits = Mapping[str, int | str]


class Search(Answer):
    """The best network of a family, and its trade-offs. `str()` is the report of `cnncalc fit`.

    `bool()` is True if a choice meets the limits.

    Attributes
    ----------
    best : cnncalc.search.front.Candidate or None
        The best choice, with its `figures`.
    front : tuple of Candidate
        The choices that no other choice beats, best first.
    tried, invalid, unmet, unknown : int
        How many choices were tried, are not valid networks, exceed a limit, and have an unknown figure.
    growing : tuple of str
        The values whose ranges were partly skipped, because no figure decreases as they grow. Empty if all choices were
        tried.
    """

    @property
    def values(self) -> dict[str, str]:
        """The values of the best choice by name, as they would be typed; empty if no choice meets the limits."""
        return {} if self.best is None else self.family.values(self.best.choice)

    @property
    def figures(self) -> dict[str, int | None]:
        """The figures of the best choice by name; empty if no choice meets the limits."""
        return {} if self.best is None else dict(self.best.figures)

    @property
    def network(self) -> Network | None:
        """The network of the best choice; None if no choice meets the limits."""
        from cnncalc.api.network import Network

        return None if self.best is None else Network.of(self.family.network(self.best.choice))

    @property
    def command(self) -> str:
        """The command that shows the best choice; empty if no choice meets the limits."""
        from cnncalc.search.reproduce import command

        return "" if self.best is None else command(self.family, self.question, self.best.choice)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as in `cnncalc fit --format json`."""
        return render.data(self)

    def to_svg(self) -> str:
        """Draw the choices that were tried, with the limit and the best ones."""
        from cnncalc.render.scatter import svg

        return svg(self)

    def __bool__(self) -> bool:
        return self.best is not None

    def __str__(self) -> str:
        return plain(render.report(self, UNICODE))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"<Search: {values or 'no choice meets the limits'}, {self.tried:,} tried>"


def find_best(
    source: str | os.PathLike[str],
    vary: Mapping[str, Values],
    *,
    max: Limits | None = None,
    min: Limits | None = None,
    maximize: str | None = None,
    minimize: str | None = None,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    amp: str | None = None,
    mode: str = "train",
    input: str | Sequence[int] | Mapping[str, str | Sequence[int]] | None = None,
    params: Mapping[str, object] | None = None,
    set: Mapping[str, object] | None = None,
    freeze: str | Iterable[str] = (),
    every: bool = False,
    jobs: int | None = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Find the best variant of a specification within limits.

    Parameters
    ----------
    source : str or path
        A path, the name of an architecture that comes with cnncalc, or a network in one line.
    vary : mapping
        What may change, as in `--vary`: a parameter of the file, `input` or the name of an input, `batch`, or a field of a
        layer such as `conv2.filters`. The values are text such as `"0.25..2/0.05"`, or a sequence.
    max, min : mapping, optional
        Limits by quantity, such as `{"params": "500k", "memory": "8GB"}`. Whole numbers are counts or bytes.
    maximize, minimize : str, optional
        A quantity or a name in `vary`. By default, the quantity of the first limit in `max` is maximized.
    batch, dtype, optimizer, amp, mode
        How the network runs, for memory. `mode` is `train` or `infer`.
    input, params, set, freeze
        As for `load`: what is changed in every network.
    every : bool
        Try every choice, even where ranges could be skipped.
    jobs : int, optional
        Number of processes. By default one per core if the search takes long.
    progress : callable, optional
        Called with the number of choices tried so far and the number to try, which is 0 if not known.

    Returns
    -------
    Search
        `bool()` is True if a choice meets the limits.

    Raises
    ------
    CnncalcError
        If the source cannot be read, or limits and goals make no sense.
    ValueError
        If an argument such as `mode` is not one of its choices.

    Examples
    --------
    >>> import cnncalc
    >>> found = cnncalc.find_best("mobilenet_v2", {"width": "0.25..1/0.25"}, max={"params": "2M"})
    >>> found.values, found.figures["params"]
    ({'width': '0.5'}, 1968680)
    >>> found.command
    'cnncalc analyze mobilenet_v2 -p width=0.5'
    """
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"find_best takes a path, a name or a network in one line, not {type(source).__name__}")
    text = os.fspath(source)
    line = isinstance(source, str) and ("->" in text or "\u2192" in text) and not os.path.lexists(text)
    question = make_question(
        list(check_mapping("max", max, '{"params": "2M"}').items()),
        list(check_mapping("min", min, '{"params": "1M"}').items()),
        maximize, minimize,
        batch=batch, dtype=dtype, optimizer=optimizer, amp=amp, mode=mode,
    )  # fmt: skip
    options = options_of(input=input, params=params, set=set, freeze=freeze)
    ranges = [
        f"{name}={_spell(values)}" for name, values in check_mapping("vary", vary, '{"width": "0.25..1/0.25"}').items()
    ]
    spec = Spec(text, line=line, file=not isinstance(source, str))
    return search_spec(spec, options, ranges, question, every=every, jobs=jobs, progress=progress)


def search_spec(
    spec: Spec,
    options: LoadOptions,
    vary: Sequence[str],
    question: Question,
    *,
    every: bool = False,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Find the best variant of what the command line takes as SPEC and --vary. `find_best` describes the arguments.

    Raises
    ------
    CnncalcError
        As for `find_best`.
    """
    if not vary:
        raise CnncalcError.of("nothing may change: add --vary, such as --vary width=0.25..2", "option")
    with public_errors():
        family = Family(spec, options, [read_range(text) for text in vary])
        answer = find(family, question, every=every, jobs=jobs, progress=progress)
    return Search(**{name: getattr(answer, name) for name in Answer._names})


def make_question(
    maxima: Sequence[tuple[str, int | str]],
    minima: Sequence[tuple[str, int | str]],
    maximize: str | None = None,
    minimize: str | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    amp: str | None = None,
    mode: str = "train",
) -> Question:
    """Return limits and a goal as a question.

    Raises
    ------
    CnncalcError
        If a limit is not a number or is given twice, a name is unknown, or there is no goal.
    """
    for argument, value in (("maximize", maximize), ("minimize", minimize)):
        if value is not None:
            check_text(argument, value)
    if maximize and minimize:
        raise CnncalcError.of("--maximize and --minimize cannot be used together", "option")
    for value, known, what in (
        (dtype, DTYPES, "dtype"), (optimizer, OPTIMIZERS, "optimizer"), (amp or HALVES[0], HALVES, "amp"), (mode, MODES,
        "mode"),
    ):  # fmt: skip
        if value not in known:
            raise ValueError(f"{what} must be one of {', '.join(sorted(known))}, not {value!r}")
    found: dict[str, dict[str, int]] = {}
    for limits, word in ((maxima, "most"), (minima, "least")):
        for name, bound in limits:
            if word in found.setdefault(name, {}):
                raise CnncalcError.of(f"{name} has two {'maxima' if word == 'most' else 'minima'}: remove one", "limit")
            found[name][word] = _bound(name, bound)
    for name, values in found.items():
        if len(values) == 2 and values["least"] > values["most"]:
            text = f"{name}: the minimum {values['least']:,} is above the maximum {values['most']:,}"
            raise CnncalcError.of(text, "limit")
    bounds = tuple(Bound(name, values.get("least"), values.get("most")) for name, values in found.items())
    goal = maximize or minimize or next((bound.quantity for bound in bounds if bound.most is not None), None)
    if goal is None:
        text = "there is no goal: add a limit such as --max-params 500k, or --maximize macs"
        raise CnncalcError.of(text, "option")
    return Question(bounds, Goal(goal, minimize is None), Run(batch, dtype, optimizer, amp or "", mode))


def _bound(name: str, bound: int | str) -> int:
    if name not in NAMES:
        from cnncalc.text import did_you_mean

        help = did_you_mean(name, NAMES) or "the quantities are " + ", ".join(NAMES)
        raise CnncalcError.of(f"no quantity named `{show(name)}`: {help}", "option")
    if isinstance(bound, int):
        return bound
    check_text(f"the limit for {name}", bound)
    figure = parse_size(bound, short=True) if name in SIZES else parse_count(bound)
    if figure is None or figure.value is None:
        example = "8GB or 24GiB" if name in SIZES else "500k or 4G"
        raise CnncalcError.of(f"`{show(bound)}` is not a limit for {name}: write it as {example}", "limit")
    return figure.value


def _spell(values: Values) -> str:
    """Return the values of a range as they are typed."""
    if isinstance(values, str):
        return values
    if isinstance(values, (int, float)):
        return _spell([values])
    texts = []
    for value in values:
        if isinstance(value, bool):
            texts.append(str(value).lower())
        else:
            texts.append("x".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value))
    return ",".join(texts)
