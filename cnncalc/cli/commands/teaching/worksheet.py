"""`cnncalc worksheet`: a table with blanks for an exam or a lecture, and its key."""

from __future__ import annotations

import os

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import command_errors, print_message, write
from cnncalc.cli.suffixes import OF_FORMAT, check_suffix
from cnncalc.text import show

FORMATS = ("markdown", "latex", "html", "csv", "json")
HIDEABLE = ("output", "activations", "memory", "params", "weights", "biases", "macs", "rf")
RULES = ("exact", "separators", "rounded")
MOST = 500


@click.command(
    "worksheet",
    epilog=options.examples(
        "cnncalc worksheet lenet5 --hide output,params",
        "cnncalc worksheet net.yaml --format latex -o sheet.tex --key key.tex",
        "cnncalc worksheet net.yaml --variants 30 --format csv --key key.csv -o s.csv",
    ),
)
@options.request(figures=True)
@click.option(
    "--hide",
    default="output,params",
    show_default=True,
    metavar="A,B,...",
    help="Quantities to leave blank: " + ", ".join(HIDEABLE) + ".",
)
@click.option(
    "--only",
    default="",
    metavar="A,B,...",
    help="Leave blanks only for these kinds of layers or families of kinds, such as conv,pool. By default for all layers.",
)
@click.option(
    "--variants",
    type=click.IntRange(1, MOST),
    metavar="N",
    help="Write N different worksheets about networks with the same layers but different sizes, filters and kernels. They are "
    "equally hard: sizes that divide exactly still do.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 10**9),
    metavar="N",
    help="Choose different variants. The same seed gives the same variants everywhere. Without --variants, write one variant.",
)
@click.option(
    "--key",
    type=options.OutputFile(),
    metavar="FILE",
    help="Write the answers with their working to FILE, in the format of its suffix: .md, .tex, .html, .json, or .csv for "
    "`cnncalc grade`.",
)
@click.option(
    "--accept",
    type=click.Choice(RULES),
    default="separators",
    show_default=True,
    metavar="RULE",
    help="How numbers may be written, for a .csv key: exact (1792), separators (also 1,792), or rounded (also 1.79k).",
)
@options.output(FORMATS)
def command(
    request: Request,
    hide: str,
    only: str,
    variants: int | None,
    seed: int | None,
    key: str | None,
    accept: str,
) -> int:
    """Write the table of SPEC with blanks to fill in, and a separate answer key with the working.

    Each figure that --hide names is blank for every layer and in the row of totals. SPEC is the same as for analyze.
    """
    from cnncalc.cli.specs import network_of, print_notes
    from cnncalc.render.progress import Waiting

    check_suffix(request.file, request.form, FORMATS)
    hidden, kinds = _columns(hide), _words(only)
    form = _key_format(key, request.form)
    if key is not None and request.file is not None and os.path.realpath(key) == os.path.realpath(request.file):
        raise click.BadParameter("the key would overwrite the worksheet: name another file", param_hint="--key")
    network = network_of(request.only_spec(), request)
    print_notes(network)
    with command_errors(), Waiting("finding variants"):
        sheets = network.worksheet(
            hidden, kinds, variants=variants, seed=seed, batch=request.batch, dtype=request.dtype, accept=accept
        )
    if key is not None:
        write(sheets.key(form), key)
    write(sheets.to_text(request.form), request.file)
    if key is None:
        print_message("note: no answer key was written; add --key FILE to write one")
    return 0


def _columns(text: str) -> tuple[str, ...]:
    names = _words(text)
    for name in names:
        if name not in HIDEABLE:
            from cnncalc.cli.suggestions import suggest

            help = suggest(name, HIDEABLE) or "the quantities are " + ", ".join(HIDEABLE)
            raise click.BadParameter(f"no quantity named `{show(name)}`: {help}", param_hint="--hide")
    if not names:
        raise click.BadParameter("name at least one quantity", param_hint="--hide")
    return names


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))


def _key_format(key: str | None, form: str) -> str:
    """The format of a key: that of its suffix, or that of the worksheet."""
    suffix = os.path.splitext(key or "")[1].lower()
    matching = next((name for name in FORMATS if suffix in OF_FORMAT[name]), form)
    check_suffix(key, matching, FORMATS, option="--key")
    return matching
