"""Suggestions for a word that is not a command, or not one of the choices of an option."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

import click

from cnncalc.text import nearest, show

# words of other programs -> words of cnncalc's options
ELSEWHERE = {
    "flops": "macs", "mac": "macs", "madds": "macs", "mult-adds": "macs", "parameters": "params", "shape": "output",
    "receptive-field": "rf", "receptive_field": "rf", "pytorch": "torch", "tensorflow": "keras", "tf": "keras",
    "graphviz": "dot", "md": "markdown", "tex": "latex", "txt": "table", "text": "table", "fp64": "float64", "double": "float64",
    "fp32": "float32", "float": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16", "training": "train",
    "inference": "infer",
}  # fmt: skip


# options of other commands -> (command, option here)
OPTIONS_ELSEWHERE = {
    ("verify", "--to"): "--framework",
    ("export", "--framework"): "--to",
    ("export", "--format"): "--to",
}


def suggest_option(error: click.NoSuchOption) -> str:
    """What to write instead of an option that another command has under this name."""
    context = error.ctx
    if context is None or (context.parent is None and error.option_name != "-e"):
        return ""
    if context.parent is None:
        return 'options follow the command: `cnncalc analyze -e "..."`'
    here = OPTIONS_ELSEWHERE.get((context.command.name or "", error.option_name))
    return f"`{context.command_path}` calls it `{here}`" if here else ""


PICTURES = ("svg", "pdf", "png", "tex")  # that `cnncalc draw` writes


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?`, or an empty text if nothing is similar."""
    options = list(known)
    here = ELSEWHERE.get(word.casefold())
    match = here if here in options else nearest(word, options)
    note = " (FLOPs are 2 x MACs)" if match == "macs" and word.casefold() == "flops" else ""
    return f"did you mean `{show(match)}`?{note}" if match else ""


def suggest_choice(error: click.ClickException) -> str:
    """The same for a value that is not one of the choices of an option."""
    choices = getattr(getattr(getattr(error, "param", None), "type", None), "choices", ())
    word = re.match(r"'(.*?)' is not one of", error.message)
    if word and word[1].casefold() in PICTURES and "mermaid" in choices:
        return f"draw a picture with `cnncalc draw SPEC -o net.{word[1].casefold()}`"
    return suggest(word[1], [str(choice) for choice in choices]) if word else ""


def suggest_command(word: str, commands: Iterable[str]) -> str:
    """What to write instead of a first word that is not a command: a similar one, or `analyze` for a network."""
    if word in ("help", "version"):
        return f"write `cnncalc --{word}`"
    if "->" in word or "\u2192" in word:
        return f'write `cnncalc analyze -e "{show(word)}"`'
    match = nearest(word, commands)
    if match:
        return f"did you mean `{match}`?"
    from cnncalc.api.specs import READ_SUFFIXES, names, reader_of

    if word in names() or os.path.splitext(word)[1].lower() in READ_SUFFIXES:
        return f"write `cnncalc analyze {show(word)}`"
    if reader_of(word).prefix:
        return f"write `cnncalc analyze {show(word)} --input SHAPE`"
    name = nearest(word, names())
    return f"did you mean `cnncalc analyze {name}`?" if name else "`cnncalc --help` lists the commands"
