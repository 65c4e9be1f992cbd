"""`cnncalc explain`: the calculations of layers, and the pages of kinds, words and error codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cnncalc.cli import options
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, print_error, status_of
from cnncalc.cli.suffixes import check_suffix
from cnncalc.text import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnncalc.render.lines import Line

LISTED = "`cnncalc explain` lists them"


FORMATS = ("text", "json")


@click.command(
    "explain",
    epilog=options.examples(
        "cnncalc explain vgg16 Stage1.conv1",
        "cnncalc explain net.yaml conv2 fc1",
        "cnncalc explain conv",
        "cnncalc explain receptive field",
        "cnncalc explain window-does-not-fit",
    ),
)
@options.request(figures=True)
@options.output(FORMATS)
def command(request: Request) -> int:
    """Show how the figures of layers are calculated (SPEC [LAYER...]), or explain a layer kind, an error code or a word.

    LAYER is a name from the table (`Stage1.conv1`), its last part (`conv1`, which may match several layers) or a block
    (`Stage1`). Without LAYER, every layer is explained. Without arguments, the kinds, words and codes are listed.
    """
    from cnncalc.api import pages

    check_suffix(request.file, request.form, FORMATS)
    spec, lines = request.words, request.lines
    if not spec and not lines:
        return _print(pages.index_lines(), pages.index_data(), request)
    if spec and not lines and (about := pages.topics(spec)) is not None:
        return _pages(*about, request)
    if len(lines) > 1:
        raise click.UsageError("explain takes one network: write -e LINE only once")
    return _layers(request)


def _print(shown: list[Line], data: Any, request: Request) -> int:
    if request.form == "json":
        from cnncalc.cli.run import write
        from cnncalc.render.data import to_json

        write(to_json(data), request.file)
    else:
        from cnncalc.cli.display import show_lines

        show_lines(shown, request)
    return 0


def _pages(topics: Sequence[str | None], about: str, request: Request) -> int:
    """Print the pages about topics that are all kinds, all codes or all words. None stands for a topic without a page."""
    from cnncalc.api.pages import NOUNS, Page, suggest
    from cnncalc.cli.display import glyphs, room

    wide = room(request.file)
    wide = wide and max(wide - 4, 1)
    shown: list[Line] = []
    data = []
    for written, topic in zip(request.words, topics, strict=False):
        if topic is None:
            raise Failed(f"no {NOUNS[about]} named `{show(written)}`: {suggest(written, about) or LISTED}")
        page = Page(topic, about)
        shown += ([[], []] if about == "code" else [[]]) if shown else []
        shown += page.lines(glyphs(request.file), wide)
        data.append(page.to_dict(wide))
    return _print(shown, data if len(data) > 1 else data[0], request)


def _layers(request: Request) -> int:
    from cnncalc.api.errors import CnncalcError
    from cnncalc.api.specs import Spec
    from cnncalc.cli.specs import network_of, print_notes

    lines, words = request.lines, request.words
    spec = Spec(lines[0], line=True) if lines else Spec(words[0])
    names = words if lines else words[1:]
    status = 0
    try:
        network = network_of(spec, request)
    except Failed:
        help = "" if lines else _suggest(spec.text)
        if help:
            raise Failed(f"unknown name `{show(spec.text)}`: {help}") from None
        raise
    except CnncalcError as error:
        print_error(error)
        status = status_of(error)
        if error.partial is None:
            return status
        analysis = error.partial.at(request.batch, request.dtype)
    else:
        print_notes(network)
        analysis = network.analyze(request.batch, request.dtype)
    try:
        explanation = analysis.explain(*names)
    except KeyError as error:
        raise Failed(error.args[0]) from None
    return max(status, _print(explanation.lines(), explanation.to_dict(), request))


def _suggest(word: str) -> str:
    """Name a kind, word, code or architecture that is similar to the first word. Empty if it is the name of a network."""
    import os

    from cnncalc.api.pages import NOUNS, suggest
    from cnncalc.api.specs import SUFFIXES, names

    plain = word.replace("-", "_").isidentifier() and word not in names()
    if not plain or any(os.path.isfile(word + suffix) for suffix in SUFFIXES):
        return ""
    listed = "`cnncalc explain` lists the kinds, words and codes, and `cnncalc list` the architectures"
    help = next((help for about in NOUNS if (help := suggest(word, about))), "")
    return help or did_you_mean(word, names()) or listed
