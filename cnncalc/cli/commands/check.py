"""`cnncalc check`: limits for many files from strangers."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cnncalc.cli import options
from cnncalc.cli.run import FAILURE, FINDING, command_errors, print_message, print_problems, write
from cnncalc.cli.suffixes import check_suffix

FORMATS = ("text", "json", "csv", "html", "junit", "sarif", "github", "gitlab", "gradescope")
LIMITS = ("params", "activations", "activation-memory", "training-memory", "inference-memory", "macs", "layers")


def _limit_options(command: click.decorators.FC) -> click.decorators.FC:
    helps = {
        "params": "Maximum number of parameters, including frozen ones, such as 500k.",
        "activations": "Maximum number of activations.",
        "activation-memory": "Maximum memory of the feature maps, for one example in float32, such as 2MiB.",
        "training-memory": "Maximum peak of a training step with sgd, for one example in float32, such as 1GB.",
        "inference-memory": "Maximum memory that inference needs at any time, for one example in float32, such as 64MiB.",
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
    help="Rank the files that pass by this figure, smallest first (largest first for receptive-field), in the formats "
    "text, json, csv, html and gradescope.",
)
@click.option(
    "--anonymous",
    is_flag=True,
    help="Number the files instead of naming them, in the formats text, json, csv and html. The numbers reveal nothing "
    "about the names.",
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
    type=options.OutputFile(),
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

    PATH is a YAML file, an ONNX or TFLite model, a `.pt2` file of torch.export, a folder, a pattern, or `-` for standard
    input. Submissions are untrusted: cnncalc runs nothing in them, and limits the size, nesting and steps of every file that
    it reads. It never reads the weights of models.

    The exit status is 0 only if every file was read, computed and passed. It is 1 for a finding, and 2 if something could
    not be done.
    """
    from cnncalc.api.checks import check, make_policy
    from cnncalc.cli.display import fit_text
    from cnncalc.render.checks import ADVISING, NAMELESS, RANKING
    from cnncalc.render.progress import ProgressBar

    check_suffix(file, form, FORMATS)
    _check_format(form, NAMELESS if anonymous else FORMATS, "--anonymous")
    _check_format(form, RANKING if leaderboard else FORMATS, "--leaderboard")
    _check_quantity(leaderboard)
    if not paths:
        raise click.UsageError("no PATH: name files or folders")
    typed = {option.removeprefix("max_").replace("_", "-"): text for option, text in limits.items() if text is not None}
    with command_errors(), ProgressBar("checking") as progress:
        budget = make_policy(policy, typed, input=input_shape, output=output_shape)
        print_problems(budget.warnings)
        if not typed and not max_growth and budget.rules == ("sound", "expect"):
            print_message(
                "note: there are no limits, so cnncalc only checks that files are valid and that their own `expect` holds"
            )
        report = check(
            paths, budget, baseline=baseline, max_growth=max_growth, only=None if only is None else _rules(only),
            unread=unread_is, metrics=form == "json" or anonymous, leaderboard=leaderboard, advice=form in ADVISING,
            progress=progress,
        )  # fmt: skip
    if anonymous:  # the same numbers in every format need the same figures
        report = report.without_names()
    text = report.to_text(form)
    write(fit_text(text, file) if form == "text" else text, file)
    return 0 if report.passed else FINDING if report.is_complete else FAILURE


def _check_format(form: str, allowed: Sequence[str], option: str) -> None:
    """Refuse a format that an option does not apply to.

    Raises:
        click.UsageError: Naming the formats that it applies to.
    """
    if form not in allowed:
        from cnncalc.text import quoted

        raise click.UsageError(f"{option} does not apply to --format {form}: use {quoted(allowed)}")


def _check_quantity(text: str | None) -> None:
    """Check the quantity of the leaderboard.

    Raises:
        click.BadParameter: If the quantity is unknown.
    """
    from cnncalc.api.specs import LIMITS as QUANTITIES
    from cnncalc.cli.suggestions import suggest
    from cnncalc.text import show

    if text is None or text in QUANTITIES:
        return
    help = suggest(text, QUANTITIES) or "the quantities are " + ", ".join(QUANTITIES)
    raise click.BadParameter(f"no quantity named `{show(text)}`: {help}", param_hint="--leaderboard")


def _rules(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
