"""Suggestions for merges and residuals whose operands or paths are not written as cnncalc reads them."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.lookup import foreign_names
from cnncalc.readers.yaml.branches import MERGES
from cnncalc.readers.yaml.context import Context
from cnncalc.readers.yaml.suggestions.misspelled import STEP_WORDS, is_step
from cnncalc.readers.yaml.tree import Map, Scalar, Tree
from cnncalc.readers.yaml.vocabulary import RESERVED, RESIDUAL, is_path
from cnncalc.text import did_you_mean, show

_SKIP = "write `projection:` for steps that run only where the shape changes, otherwise `shortcut:`"
HELP_FOR_PATHS = {  # by the names of paths in other tools
    **dict.fromkeys(("skip", "downsample", "identity"), _SKIP),
    **dict.fromkeys(("body", "path", "layers", "steps"), "cnncalc calls it `main`"),
}


def note_single_operand(context: Context, word: str, body: Tree | None, mark: Any) -> None:
    """Note a merge without a list of operands: none at all, or a single name as in `add: shortcut`."""
    name = body.text if isinstance(body, Scalar) else ""
    number = MERGES[word].inputs or 2
    if not is_path(name) or name.isdecimal() or number > 2:
        others = "a step above a name with `as: a`" if number == 2 else "the steps above names with `as:`"
        help = f"give {others}, and write `{word}: [{', '.join(['prev', 'a', 'b', 'c'][:number])}]`"
        context.problem(mark, "missing-field", f"{word} needs its operands", help)
        return
    if name in RESERVED:
        help = f"give a step above a name with `as: a`, and write `{word}: [{name}, a]`"
    elif name.casefold() in {**MERGES, **foreign_names()} or is_step(context, name):
        help = f"write `{word}: [prev, [{show(name)}]]`; `prev` is the value above"
    else:
        help = f"write `{word}: [prev, {show(name)}]`; `prev` is the value above"
    context.problem(mark, "missing-field", f"{word} needs a list of operands; got only `{show(name)}`", help)


def note_residual_keys(context: Context, body: Map) -> None:
    """Note the keys that a residual does not have."""
    others = [key for key in body.items if key not in RESIDUAL and key not in HELP_FOR_PATHS]
    steps = [key for key in others if key not in STEP_WORDS and is_step(context, key)]
    for key in body.items:
        if key in RESIDUAL:
            continue
        if key in steps:
            if key == steps[0]:
                help = "start each step with `- `, on a line of its own"
                if body.keys[key].line == body.mark.line and len(body.items) == 1:
                    help = f"put the steps in brackets: `residual: [{show(key)}: ...]`"
                text = f"the main path of a residual is a list of steps, but `{show(key)}` is a key"
                context.problem(body.keys[key], "unknown-field", text, help)
            continue
        help = HELP_FOR_PATHS.get(key) or did_you_mean(key, RESIDUAL)
        help = help or "write `residual: [...]`, or `main:` and `projection:` inside it"
        context.problem(body.keys[key], "unknown-field", f"residual has no `{show(key)}`", help)
