"""What to check, parsed from limits as people write them: `500k`, `32x32x3`, `macs=5%`, and a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.analyses.budget import Limit, Policy
from cnncalc.analyses.quantities import LIMITS
from cnncalc.checking.history import Commit, find_commit
from cnncalc.checking.policy import bound, read_policy, shape
from cnncalc.checking.submission import Task, Uncomparable, figures, model
from cnncalc.loading import SUFFIXES, Spec, source_of
from cnncalc.problem import Problem, Refused
from cnncalc.readers import Missing, reader_of_submission
from cnncalc.text import quoted, show
from cnncalc.units import parse_count


class TaskError(Exception):
    """A check cannot be set up. The message is the reason. `option` is the option whose value is wrong, if one is.

    `usage` is true if the options do not go together. `problems` are the mistakes in the policy file.
    """

    def __init__(self, text: str, option: str = "", *, usage: bool = False, problems: Sequence[Problem] = ()) -> None:
        super().__init__(text)
        self.option = option
        self.usage = usage
        self.problems = tuple(problems)


def load_policy(path: str) -> Policy:
    """Read a policy file.

    Raises:
        LoadError: If the file cannot be read.
        TaskError: If it is not a valid policy.
    """
    try:
        return read_policy(source_of(Spec(path, file=True)))
    except Refused as refused:
        raise TaskError("the policy is invalid", problems=refused.problems) from None


def extend_policy(
    policy: Policy, limits: Mapping[str, str], input_shape: str | None = None, output_shape: str | None = None
) -> Policy:
    """Add maximum values, by the name of their limit, and shapes to a policy.

    Raises:
        TaskError: If a text is not a limit or a shape, or the policy sets the same limit or shape.
    """
    for name, text in (("input", input_shape), ("output", output_shape)):
        if text is not None and getattr(policy, name) is not None:
            raise TaskError(f"both --{name} and the policy set the {name} shape: remove one of them")
    typed = []
    try:
        for quantity, text in limits.items():
            if any(limit.quantity == quantity for limit in policy.limits):
                raise TaskError(f"both --max-{quantity} and the policy limit {quantity}: remove one of them")
            typed.append(Limit(quantity, most=bound(quantity, text)))
        return Policy(
            input=shape(input_shape) if input_shape is not None else policy.input,
            output=shape(output_shape) if output_shape is not None else policy.output,
            limits=(*policy.limits, *typed),
            forbidden=policy.forbidden,
            required=policy.required,
            points=policy.points,
            warnings=policy.warnings,
        )
    except Problem as problem:
        raise TaskError(f"{problem.text}: {problem.help}") from None


def make_task(
    policy: Policy,
    baseline: str | None = None,
    max_growth: Sequence[str] = (),
    only: Sequence[str] | None = None,
    *,
    metrics: bool = False,
    ranked: str = "",
    advice: bool = False,
) -> Task:
    """Return the task for a policy, growth limits such as `5%` or `macs=2.5%`, and the names of the rules to apply.

    `ranked` is the quantity of the leaderboard, if there is one. With `advice`, files over a limit get advice.
    `baseline` is a file, or a git revision in the repository of the current folder. Only a text with a suffix or a folder is
    a file, so that a submission cannot take the place of a revision by its name.

    Raises:
        LoadError, TaskError: If the baseline cannot be used, or a text is malformed.
    """
    allowed = tuple(map(_growth, max_growth))
    if len({quantity for quantity, _ in allowed}) < len(allowed):
        raise TaskError("--max-growth is given twice for the same quantity", usage=True)
    if bool(allowed) is not (baseline is not None):
        raise TaskError("--baseline and --max-growth must be used together", usage=True)
    before, commit = _baseline(baseline, allowed)
    rules = (*policy.rules, *(["growth"] if allowed else []))
    for name in only or ():
        if name not in rules:
            raise TaskError(f"no rule named `{show(name)}`: the rules are {quoted(rules, 'and')}", "--only")
    if only is not None and not only:
        raise TaskError("name at least one rule", "--only")
    return Task(policy, allowed, before, commit, tuple(only or ()), metrics=metrics, ranked=ranked, advice=advice)


def rules_of(task: Task) -> tuple[str, ...]:
    """The rules that a task applies, in report order."""
    return task.only or (*task.policy.rules, *(["growth"] if task.allowed else []))


def _growth(text: str) -> tuple[str, int]:
    """Parse `5%` or `macs=2.5%` into a quantity and hundredths of a percent."""
    quantity, equals, amount = text.partition("=")
    if not equals:
        quantity, amount = "params", text
    figure = parse_count(amount.strip().removesuffix("%")) if amount.strip().endswith("%") else None
    hundredths = figure.digits * 100 / 10**figure.places if figure is not None and figure.unit == 1 else None
    if quantity not in LIMITS or hundredths is None or hundredths != int(hundredths):
        raise TaskError(f"`{show(text)}` is not a growth limit: write 5% or macs=2.5%", "--max-growth")
    return quantity, int(hundredths)


def _baseline(
    text: str | None, allowed: Sequence[tuple[str, int]]
) -> tuple[tuple[tuple[str, int], ...], Commit | None]:
    """The figures of a file, or the commit of a git revision."""
    if text is None:
        return (), None
    file = text.rpartition("@")[0] or text  # `net.yaml@main` is a file too
    try:
        if reader_of_submission(text).is_other_format:
            return tuple(figures(model(text, links=True), allowed).items()), None
        if text == "-" or text.endswith(SUFFIXES) or file.endswith(SUFFIXES) or text.startswith(("/", "./", "../")):
            return tuple(figures(source_of(Spec(text, file=True)), allowed).items()), None
    except Refused as refused:
        raise TaskError(f"could not compare: {refused.problems[0].text}") from None
    except (Uncomparable, Missing) as error:
        raise TaskError(f"could not compare: {error}") from None
    except OSError as error:
        raise TaskError(f"cannot read {show(text)}: {error.strerror or error}") from None
    if not text or text.startswith("-") or ":" in text:
        raise TaskError(f"`{show(text)}` is neither a file nor a git revision", "--baseline")
    return (), find_commit(".", text)
