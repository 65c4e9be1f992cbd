"""Help for layers that do not fit their input, where the rest of the file shows what the author probably meant."""

from __future__ import annotations

from math import isqrt

from cnncalc.problem import ONE_LINE, Problem, Where
from cnncalc.shape import Shape
from cnncalc.text import plural


def advise_on_round(problem: Problem, done: int, times: int, repeat: Where | None) -> None:
    """Suggest fewer rounds for a step whose input has become too small after `done` of its `times` rounds."""
    if problem.code == "window-does-not-fit" and done and repeat is not None:
        change = f"write `repeat: {done}` on line {repeat.line}"
        if repeat.source.path == ONE_LINE:
            change = f"write `*{done}` instead of `*{times}`"
        problem.help = f"{change}: this is repetition {done + 1} of {times}"


def advise_on_input(problem: Problem, input: Shape) -> None:
    """Suggest the shape of an image or a sequence for an input that is a vector, which no window can slide over."""
    if problem.code == "needs-image" and len(input) == 1 and "slides" in problem.text:
        side = isqrt(input[0])
        image = f"`{side}x{side}x1` for a grey image" if side**2 == input[0] > 1 else "height x width x channels"
        problem.help = f"write the input as {image}, or as `{input[0]}x1` for a sequence of {plural(input[0], 'step')}"
