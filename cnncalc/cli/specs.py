"""From what is typed as SPEC to a network: a file, `-`, the name of a shipped architecture, or the one-line form."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from cnncalc import readers, shelf
from cnncalc.cli.request import Request
from cnncalc.cli.run import Failed, divert_output, tell, warn
from cnncalc.network import Network
from cnncalc.problem import ONE_LINE, Refused, Source
from cnncalc.readers.limits import TRUSTED
from cnncalc.text import did_you_mean, show

if TYPE_CHECKING:
    from cnncalc.readers.yaml.changes import Change

SUFFIXES = readers.SPECIFICATIONS.suffixes


class Spec:
    """One specification as it was typed: a name or path, a one-line network (`line`), or a path for certain (`file`)."""

    def __init__(self, text: str, line: bool = False, file: bool = False) -> None:
        self.text = text
        self.line = line
        self.file = file


def source_of(spec: Spec) -> Source:
    """The text of a specification.

    Raises:
        Failed: where there is no such file or it cannot be read.
        Refused: where it is not a regular file, too large or no text.
    """
    from cnncalc.readers.files import decode, text

    if spec.line:
        return Source(ONE_LINE, spec.text)
    if spec.text == "-":
        if sys.stdin is None:
            raise Failed("standard input is closed")
        return decode(sys.stdin.buffer.read(TRUSTED.file_bytes + 1), "<stdin>")
    before, at, revision = spec.text.rpartition("@")
    if at and before.endswith(SUFFIXES):  # even where there is a file of that name: who put it there?
        return decode(_from_git(before, revision), spec.text)
    path = spec.text if spec.file else path_of(spec.text)
    try:
        return text(path)
    except OSError as error:
        raise Failed(f"cannot read {show(path)}: {error.strerror}") from None


def _from_git(path: str, revision: str) -> bytes:
    """The bytes of a file as it was at a revision of its git repository.

    Raises:
        Failed: where git does not have it.
    """
    from cnncalc.checking.history import NoHistory, beside

    if not revision or revision.startswith("-") or ":" in revision:
        raise Failed(f"`{show(revision)}` is no git revision")
    try:
        return beside(path, revision, TRUSTED.file_bytes)
    except NoHistory as error:
        raise Failed(f"cannot read {show(path)} at {show(revision)}: {error}") from None


def path_of(text: str) -> str:
    """The file that a name or path stands for.

    Raises:
        Failed: where nothing has that name.
    """
    if "->" in text or "\u2192" in text:
        raise Failed(f'put -e before a network in one line: -e "{show(text, 200)}"')
    if re.fullmatch(r"[0-9]+(x[0-9]+)+", text):
        raise Failed(
            f'`{show(text)}` is a shape: put the whole line in quotes after -e, as in -e "{show(text)} -> FC-10"'
        )
    if text.endswith(SUFFIXES) or os.sep in text:
        if os.path.lexists(text):
            return text
        bare = os.path.basename(text).partition(".")[0]
        help = f"; `cnncalc analyze {bare}` is on the shelf" if bare in shelf.names() else ""
        raise Failed(f"there is no file {show(text)}{help}")
    found = shelf.path(text)
    if found is not None:
        return found
    suffix = os.path.splitext(text)[1]
    if os.path.lexists(text) and suffix == ".prototxt":  # of Caffe: looked at to say what it is
        return text
    if os.path.lexists(text) and suffix == ".py":
        raise Failed(f"{show(text)}: name what makes the PyTorch model, as in `torch:{show(text[:-3])}:Net`")
    if os.path.lexists(text) and suffix:
        raise Failed(f"{show(text)}: files end in {', '.join(readers.SUFFIXES)}")
    if os.path.isdir(text):
        raise Failed(
            f"{show(text)} is a folder: name a file in it, or look at all of them with `cnncalc check {show(text)}`"
        )
    if re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{0,10}", suffix):
        raise Failed(f"there is no file {show(text)}")
    beside = next((text + ending for ending in SUFFIXES if os.path.isfile(text + ending)), None)
    help = (
        f"write `{show(beside)}` for the file"
        if beside
        else did_you_mean(text, shelf.names()) or "`cnncalc list` shows the names"
    )
    raise Failed(f"no architecture named `{show(text)}` on the shelf: {help}")


def network_of(
    spec: Spec, request: Request | None = None, convolved: bool = False, as_written: bool = False
) -> Network:
    """The network of a specification, with `-p`, `--input`, `--set` and `--freeze` applied.

    `convolved` turns fc layers into convolutions first; `as_written` leaves `--set` and `--freeze` out.

    Raises:
        Failed, Refused.
    """
    asked = request or Request()
    network = _read(spec, asked, asked.inputs, convolved, as_written)
    names = () if as_written else asked.frozen
    if names:
        from cnncalc.analyses.freezing import NothingToFreeze, freeze

        try:
            freeze(network, names)
        except NothingToFreeze as error:
            raise Failed(f"--freeze: {error}") from None
    return network


def _read(spec: Spec, asked: Request, inputs: Mapping[str, str], convolved: bool, as_written: bool) -> Network:
    """The network as it is written, or with `--set` applied."""
    from cnncalc.readers.yaml.reader import Overrides, read, read_tree

    _check_options(asked)
    if convolved:
        from cnncalc.analyses.as_conv import as_conv
        from cnncalc.readers.yaml.inputs import shape_from

        if not spec.line and readers.reader_of(spec.text).runs_code:  # a program has no size of its own
            return as_conv(_read(spec, asked, inputs, False, as_written), {})
        shapes = {name: shape_from(text) for name, text in inputs.items()}
        return as_conv(_read(spec, asked, {}, False, as_written), shapes)
    if not spec.line and readers.reader_of(spec.text).is_other_format:
        return _imported(spec.text, asked, inputs)
    source = source_of(spec)
    if not spec.line and readers.reader_of_text(source.text).is_other_format:
        return _imported(source.path, asked, inputs, source)
    overrides = Overrides(asked.parameters, inputs, () if as_written else _changes(asked))
    if spec.line:
        from cnncalc.readers.yaml.oneline import parse

        return read_tree(parse(source, overrides.parameters, sized="" in inputs), source, overrides)
    return read(source, overrides)


def announce(network: Network) -> None:
    """What the reader has to say of a network, and what was set in it, for commands whose output does not say it."""
    tell(network.warnings)
    for changed in network.changes:
        warn(f"note: set {changed}")


def _imported(path: str, asked: Request, inputs: Mapping[str, str], source: Source | None = None) -> Network:
    """The network in a file of another format, or in its text where that is read already (`source`).

    `-p` gives sizes of its named dimensions.

    Raises:
        Failed, Refused.
    """
    if asked.changes:
        help = f"`cnncalc import {show(path)} -o net.yaml` makes a file of {show(path)} in which it can"
        raise click.UsageError(f"--set cannot change a layer of {show(path)}: {help}")
    reader = readers.reader_of(path)
    dims = {}
    for name, value in asked.parameters.items():
        if not value.isdecimal() and not reader.runs_code:
            raise click.BadParameter(f"`{show(value)}` is no size of a dimension", param_hint="--dim")
        dims[name] = int(value) if value.isdecimal() else 0
    if reader.runs_code:
        divert_output()
    try:
        arguments = tuple(asked.arguments.items())
        options = readers.ReaderOptions(inputs, dims, arguments, asked.batch_axes, asked.branches)
        return readers.read(path, options, source)
    except readers.Missing as missing:
        raise Failed(f"{show(path)}: {missing}") from None
    except Refused as refused:
        for problem in refused.problems:
            if problem.where is None and show(path) not in problem.text:
                problem.text = f"{show(path)}: {problem.text}"
        raise
    except OSError as error:
        raise Failed(f"cannot read {show(path)}: {error.strerror}") from None


def _changes(asked: Request) -> list[Change]:
    """The fields that `--set` changes, new for every network that is read."""
    if not asked.changes:
        return []
    from cnncalc.readers.yaml.changes import Change

    return [Change(text) for text in asked.changes]


def _check_options(asked: Request) -> None:
    """Refuse `--arg`, `--batch-axis` and `--branch` where nothing takes them."""
    accepted = {name for word in asked.spec for name in readers.reader_of(word).options}
    help = {"arguments": "; give a parameter of a file with -p"}
    for name, option in (("batch_axes", "--batch-axis"), ("branches", "--branch"), ("arguments", "--arg")):
        if getattr(asked, name) and name not in accepted:
            files = " and ".join(reader.files for reader in readers.READERS if name in reader.options)
            raise click.UsageError(f"{option} is for {files}{help.get(name, '')}")


def complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """Shipped names and specifications beside them; any file where there are none of these."""
    from click.shell_completion import CompletionItem

    found = [name for name in shelf.names() if name.startswith(incomplete)]
    if found:
        with suppress(OSError):
            found += sorted(name for name in os.listdir() if name.startswith(incomplete) and name.endswith(SUFFIXES))
    # first: bash forgets what stands above an item that says `file`
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, found)]
