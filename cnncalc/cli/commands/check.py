"""`cnncalc check`: limits for many files from strangers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from cnncalc.cli import options
from cnncalc.cli.run import FAILURE, FINDING, Failed, print_message, print_problems, write
from cnncalc.cli.suffixes import check_suffix

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from cnncalc.analyses.budget import Policy
    from cnncalc.checking.history import Commit
    from cnncalc.checking.submission import Checked, Task

FORMATS = ("text", "json", "csv", "html", "junit", "sarif", "github", "gitlab", "gradescope")
MANY = 500  # number of files from which several processes are faster
CHUNK = 50
LIMITS = ("params", "activations", "activation-memory", "training-memory", "inference-memory", "macs", "layers")


def _limit_options(command: click.decorators.FC) -> click.decorators.FC:
    helps = {
        "params": "Maximum number of parameters, including frozen ones, such as 500k.",
        "activations": "Maximum number of activations.",
        "activation-memory": "Maximum memory of the feature maps, for one example in float32, such as 2MiB.",
        "training-memory": "Maximum peak of a training step with sgd, for one example in float32, such as 1GB.",
        "inference-memory": "Maximum memory that inference needs at once, for one example in float32, such as 64MiB.",
        "macs": "Maximum number of multiply-accumulates, such as 50M.",
        "layers": "Maximum number of layers.",
    }
    for quantity in reversed(LIMITS):
        command = click.option(f"--max-{quantity}", metavar="N", help=helps[quantity])(command)
    return command


@click.command(
    "check",
    epilog=options.examples(
        "cnncalc check submissions/ --max-params 500k",
        "cnncalc check net.yaml --policy budget.yaml --format junit -o report.xml",
        "cnncalc check submissions/ --max-params 500k --format html -o class.html",
        "cnncalc check net.yaml --baseline main --max-growth 5%",
    ),
)
@click.argument("paths", nargs=-1, metavar="PATH...")
@_limit_options
@click.option(
    "--input", "input_shape", metavar="SHAPE", help="Input shape that every network must have, such as 32x32x3."
)
@click.option(
    "--output-shape",
    "--output",
    "output_shape",
    metavar="SHAPE",
    help="Output shape that every network must have, such as 10.",
)
@click.option(
    "--policy", metavar="FILE", help="Policy file with limits, kinds and points. cnncalc never searches for one."
)
@click.option(
    "--baseline", metavar="FILE|REV", help="Compare with this file, or with each file's own version at a git revision."
)
@click.option(
    "--max-growth",
    multiple=True,
    metavar="[QUANTITY=]N%",
    help="Maximum growth relative to the baseline, of params unless QUANTITY is given.",
)
@click.option(
    "--only",
    metavar="RULE,...",
    help="Apply only these rules, such as params,output, to get one exit status per criterion.",
)
@click.option(
    "--unread",
    "unread_is",
    type=click.Choice(("note", "error")),
    default="note",
    show_default=True,
    help="How to report a file in a folder that check does not read because of its suffix, such as net.py: as a note after "
    "the summary, or as an error.",
)
@click.option(
    "--leaderboard",
    metavar="QUANTITY",
    help="Order the files that pass by this figure: the smallest first, but the largest receptive-field. In the formats "
    "text, json, csv, html and gradescope.",
)
@click.option(
    "--anonymous",
    is_flag=True,
    help="Number the files instead of naming them. The numbers reveal nothing about the names. In the formats text, json, "
    "csv and html.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    metavar="FORMAT",
    help="Report format: " + ", ".join(FORMATS) + ".",
)
@click.option(
    "-o",
    "file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write to FILE, completely or not at all. A suffix that belongs to another format is an error.",
)
def command(
    paths: tuple[str, ...],
    input_shape: str | None,
    output_shape: str | None,
    policy: str | None,
    baseline: str | None,
    max_growth: tuple[str, ...],
    only: str | None,
    unread_is: str,
    leaderboard: str | None,
    anonymous: bool,
    form: str,
    file: str | None,
    **limits: str | None,
) -> int:
    """Check the networks in PATH... against limits, which are inclusive.

    PATH is a YAML file, an ONNX model (extra `onnx`), a folder, a pattern, or `-` for standard input. Submissions are
    untrusted: cnncalc runs nothing in them, and limits the size, nesting and steps of every file that it reads. It never
    reads the weights of ONNX models.

    The exit status is 0 only if every file was read, computed and passed. It is 1 for a finding, and 2 if something could
    not be done.
    """
    from cnncalc.checking.paths import collect
    from cnncalc.checking.submission import ERROR, FAILED, UNREADABLE, Task, not_looked_at
    from cnncalc.cli.display import fit_text
    from cnncalc.render.checks import NAMELESS, RANKING, Entry, Report, render

    check_suffix(file, form, FORMATS)
    _check_format(form, NAMELESS if anonymous else FORMATS, "--anonymous")
    _check_format(form, RANKING if leaderboard else FORMATS, "--leaderboard")
    ranked = _quantity(leaderboard)
    if not paths:
        raise click.UsageError("no PATH: name files or folders")
    budget = _policy(policy, input_shape, output_shape, limits)
    allowed = tuple(_growth(text) for text in max_growth)
    if len({quantity for quantity, _ in allowed}) < len(allowed):
        raise click.UsageError("--max-growth is given twice for the same quantity")
    if bool(allowed) is not (baseline is not None):
        raise click.UsageError("--baseline and --max-growth must be used together")
    rules = (*budget.rules, *(["growth"] if allowed else []))
    before, commit = _baseline(baseline, allowed)
    every_figure = form == "json" or anonymous  # the same numbers in every format need the same figures
    task = Task(budget, allowed, before, commit, _only(only, rules), metrics=every_figure, ranked=ranked)
    files, unread = collect(paths)
    if not budget.limits and not allowed and budget.rules == ("sound", "expect"):
        print_message("note: there are no limits, so files are only checked for being valid and for their own `expect`")
    checked = [*_check_files(files, task)]
    if unread_is == "error":
        checked += map(not_looked_at, unread)
        unread = []
    entries = [Entry(one.path, one.status, one.metrics, one.measured, one.findings, one.ranked) for one in checked]
    report = Report(budget, task.only or rules, entries, tuple(unread), ranked)
    if anonymous:
        from cnncalc.render.checks.anonymous import without_names

        report = without_names(report)
    write(fit_text(render(form, report), file) if form == "text" else render(form, report), file)
    statuses = {entry.status for entry in checked}
    return FAILURE if UNREADABLE in statuses else FINDING if statuses & {FAILED, ERROR} else 0


def _policy(
    path: str | None, input_shape: str | None, output_shape: str | None, limits: dict[str, str | None]
) -> Policy:
    """Combine the policy file with the options.

    Raises:
        Failed: If the file is invalid, or sets a limit that an option also sets.
    """
    from cnncalc.analyses.budget import Limit, Policy
    from cnncalc.checking.policy import bound, read_policy, shape
    from cnncalc.cli.specs import source_of
    from cnncalc.loading import Spec
    from cnncalc.problem import Problem, Refused

    budget = Policy()
    try:
        if path is not None:
            budget = read_policy(source_of(Spec(path, file=True)))
            print_problems(budget.warnings)
        typed = []
        for option, text in limits.items():
            quantity = option.removeprefix("max_").replace("_", "-")
            if text is None:
                continue
            if any(limit.quantity == quantity for limit in budget.limits):
                raise Failed(f"both --max-{quantity} and the policy limit {quantity}: remove one of them")
            typed.append(Limit(quantity, most=bound(quantity, text)))
        shapes = {"input": input_shape, "output": output_shape}
        for name, text in shapes.items():
            if text is not None and getattr(budget, name) is not None:
                raise Failed(f"both --{name} and the policy set the {name} shape: remove one of them")
        return Policy(
            input=shape(input_shape) if input_shape is not None else budget.input,
            output=shape(output_shape) if output_shape is not None else budget.output,
            limits=(*budget.limits, *typed),
            forbidden=budget.forbidden,
            required=budget.required,
            points=budget.points,
        )
    except Refused as refused:
        print_problems(refused.problems)
        raise Failed("the policy is invalid") from None
    except Problem as problem:
        raise Failed(f"{problem.text}: {problem.help}") from None


def _check_format(form: str, allowed: Sequence[str], option: str) -> None:
    """Refuse a format that an option does not apply to.

    Raises:
        click.UsageError: Naming the formats that it applies to.
    """
    if form not in allowed:
        from cnncalc.text import quoted

        raise click.UsageError(f"{option} does not apply to --format {form}: use {quoted(allowed)}")


def _quantity(text: str | None) -> str:
    """The quantity of the leaderboard, or an empty text.

    Raises:
        click.BadParameter: If there is no such quantity.
    """
    from cnncalc.analyses.quantities import LIMITS
    from cnncalc.cli.suggestions import suggest
    from cnncalc.text import show

    if text is None or text in LIMITS:
        return text or ""
    help = suggest(text, LIMITS) or "the quantities are " + ", ".join(LIMITS)
    raise click.BadParameter(f"no quantity named `{show(text)}`: {help}", param_hint="--leaderboard")


def _growth(text: str) -> tuple[str, int]:
    """Parse `5%` or `macs=2.5%` into a quantity and hundredths of a percent."""
    from cnncalc.analyses.quantities import LIMITS
    from cnncalc.text import show
    from cnncalc.units import parse_count

    quantity, equals, amount = text.partition("=")
    if not equals:
        quantity, amount = "params", text
    figure = parse_count(amount.strip().removesuffix("%")) if amount.strip().endswith("%") else None
    hundredths = figure.digits * 100 / 10**figure.places if figure is not None and figure.unit == 1 else None
    if quantity not in LIMITS or hundredths is None or hundredths != int(hundredths):
        text = f"`{show(text)}` is not a growth limit: write 5% or macs=2.5%"
        raise click.BadParameter(text, param_hint="--max-growth")
    return quantity, int(hundredths)


def _baseline(
    text: str | None, allowed: Sequence[tuple[str, int]]
) -> tuple[tuple[tuple[str, int], ...], Commit | None]:
    """The figures of a file, or the commit of a git revision in the repository of the current folder.

    Only a text with a suffix or folder is a file, so that a submission cannot take the place of a revision by its name.

    Raises:
        Failed: If there is no such file, or it cannot be compared with.
    """
    from cnncalc.checking.history import find_commit
    from cnncalc.checking.submission import Uncomparable, figures, model
    from cnncalc.cli.specs import source_of
    from cnncalc.loading import SUFFIXES, Spec
    from cnncalc.problem import Refused
    from cnncalc.readers import Missing, reader_of_submission
    from cnncalc.text import show

    if text is None:
        return (), None
    file = text.rpartition("@")[0] or text  # `net.yaml@main` is a file too
    if reader_of_submission(text).is_other_format:
        try:
            return tuple(figures(model(text, links=True), allowed).items()), None
        except (Uncomparable, Missing) as error:
            raise Failed(f"could not compare: {error}") from None
        except Refused as refused:
            raise Failed(f"could not compare: {refused.problems[0].text}") from None
        except OSError as error:
            raise Failed(f"cannot read {show(text)}: {error.strerror or error}") from None
    if text == "-" or text.endswith(SUFFIXES) or file.endswith(SUFFIXES) or text.startswith(("/", "./", "../")):
        try:
            return tuple(figures(source_of(Spec(text, file=True)), allowed).items()), None
        except Refused as refused:
            raise Failed(f"could not compare: {refused.problems[0].text}") from None
        except Uncomparable as error:
            raise Failed(f"could not compare: {error}") from None
    if not text or text.startswith("-") or ":" in text:
        raise click.BadParameter(f"`{show(text)}` is neither a file nor a git revision", param_hint="--baseline")
    return (), find_commit(".", text)


def _only(text: str | None, rules: Sequence[str]) -> tuple[str, ...]:
    if text is None:
        return ()
    from cnncalc.text import quoted, show

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in rules:
            raise click.BadParameter(
                f"no rule named `{show(name)}`: the rules are {quoted(rules, 'and')}", param_hint="--only"
            )
    if not names:
        raise click.BadParameter("name at least one rule", param_hint="--only")
    return names


def _check_files(files: dict[str, str], task: Task) -> Iterator[Checked]:
    """Yield the result of every file in their order, using several processes if there are many files."""
    from cnncalc.checking.submission import check_file

    work = [path for path, problem in files.items() if path != "-" and not problem]
    pool = _pool() if len(work) >= MANY else None
    if pool is None:
        yield from _with_progress(_merge_results(files, (check_file(path, task) for path in work), task), len(files))
        return
    from concurrent.futures import BrokenExecutor
    from functools import partial

    try:
        results = pool.map(partial(check_file, task=task), work, chunksize=CHUNK)
        yield from _with_progress(_merge_results(files, results, task), len(files))
    except BrokenExecutor:
        raise Failed("a worker process was killed: the machine may have too little memory") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _pool() -> ProcessPoolExecutor | None:
    """A pool with a process for every core, or None if there is one core or the system has no semaphores."""
    import signal
    from concurrent.futures import ProcessPoolExecutor

    cores = _cores()
    if cores == 1:
        return None
    try:
        return ProcessPoolExecutor(cores, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    except (OSError, ImportError, NotImplementedError):
        return None


def _merge_results(files: dict[str, str], results: Iterator[Checked], task: Task) -> Iterator[Checked]:
    from cnncalc.checking.submission import missing

    for path, problem in files.items():
        yield missing(path, problem) if problem else _standard_input(task) if path == "-" else next(results)


def _standard_input(task: Task) -> Checked:
    from cnncalc.checking.submission import STANDARD_INPUT, check_source, missing, unsound
    from cnncalc.problem import Refused
    from cnncalc.readers.files import decode
    from cnncalc.readers.limits import UNTRUSTED

    if sys.stdin is None:
        return missing(STANDARD_INPUT, "standard input is closed")
    try:
        source = decode(sys.stdin.buffer.read(UNTRUSTED.file_bytes + 1), STANDARD_INPUT, UNTRUSTED)
    except OSError as error:
        return missing(STANDARD_INPUT, f"cannot read standard input: {error.strerror}")
    except Refused as refused:
        return unsound(STANDARD_INPUT, refused)
    return check_source(source, task)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _with_progress(results: Iterator[Checked], total: int) -> Iterator[Checked]:
    """Yield the results, and print their number on standard error if that is a terminal."""
    shown = total >= MANY and sys.stderr is not None and sys.stderr.isatty()
    for number, result in enumerate(results, 1):
        if shown and (number % 100 == 0 or number == total):
            sys.stderr.write(f"\rchecked {number:,} of {total:,}" + ("\n" if number == total else ""))
            sys.stderr.flush()
        yield result
